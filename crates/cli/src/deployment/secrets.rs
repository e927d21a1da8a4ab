//! `synthetics secrets`.

use std::io::{IsTerminal, Read};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use aws::ParameterStore;
use operations::{checks, secret_references};
use runtime::AnyCheck;
use runtime::secret_value::{self, Alphabet};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use settings::SecretRef;

use crate::arguments::{CheckSecretsOptions, SetSecretOptions};
use crate::deployment::{access, with_parameters};
use crate::exit::Exit;
use crate::{tables, terminal};

/// Longest value of a standard parameter, in bytes.
const MAX_BYTES: u64 = 4_096;
/// Length below which a secret cannot be masked reliably, in characters.
const SHORT: usize = 8;

/// Stores a secret that is typed at a prompt, or comes from standard input.
pub(crate) async fn set(options: &SetSecretOptions) -> anyhow::Result<Exit> {
    let reference = reference(&options.environment, &options.name)?;
    let secret = secret_value::read(given(&reference)?, Alphabet::for_name(&options.name))
        .map_err(|mistake| anyhow!(mistake))?;
    let SecretRef::Parameter(name) = &reference else { bail!("expected the name of a parameter, found {reference}") };
    let region = access::region(options.region.given.clone(), Some(&options.environment));
    let version = ParameterStore::for_operator(region).await?.put(name, &secret).await?;
    println!("stored {reference}, version {version}; functions use it within five minutes");
    if secret.expose_secret().chars().count() < SHORT {
        eprintln!("warning: a secret of fewer than {SHORT} characters cannot be masked reliably in messages");
    }
    Ok(Exit::Passed)
}

/// Completes `CHECK/NAME` to the reference of a parameter that the check's function may read.
fn reference(environment: &str, name: &str) -> anyhow::Result<SecretRef> {
    let wrong = || format!("expected CHECK/NAME, such as `login/password`, found `{name}`");
    let (check, _) = name.split_once('/').with_context(wrong)?;
    let check = checks::ids(&[check.to_owned()])?[0];
    SecretRef::parse(&format!("ssm:/just-driving/{environment}/{name}"), environment, check)
        .map_err(|rule| anyhow!(rule))
}

fn given(reference: &SecretRef) -> anyhow::Result<SecretString> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("value of {reference} (not shown): "))
            .context("failed to read the terminal")?
    } else {
        let mut text = String::new();
        let mut input = std::io::stdin().lock().take(MAX_BYTES + 3);
        // The error's own text is left out, because it may quote the input.
        input.read_to_string(&mut text).map_err(|_| anyhow!("expected a secret in UTF-8 on standard input"))?;
        text
    };
    let secret = SecretString::from(text);
    if secret.expose_secret().is_empty() {
        bail!("expected a secret, found nothing; type it at the prompt, or pass it to standard input");
    }
    if secret.expose_secret().trim_end_matches(['\r', '\n']).len() as u64 > MAX_BYTES {
        bail!("expected a secret of at most {MAX_BYTES} bytes, the limit of Parameter Store; found a longer one");
    }
    Ok(secret)
}

/// Resolves each secret that a settings file refers to, and lists those that are missing or cannot be used.
pub(crate) async fn check(options: &CheckSecretsOptions) -> anyhow::Result<Exit> {
    let checks = checks::from_file(&options.settings, &options.checks)?;
    let environment = checks.first().map(|check| check.common().environment.clone());
    let region = access::region(options.region.given.clone(), environment.as_deref());
    let local = local::EnvironmentSecrets::new(|name: &str| std::env::var_os(name));
    let references = |check: &dyn AnyCheck| secret_references::references(check.written());
    let on_aws = |check: &dyn AnyCheck| references(check).keys().any(|found| matches!(found, SecretRef::Parameter(_)));
    if checks.iter().any(|check| on_aws(&**check)) {
        // Without access nothing is known of the parameters, which is one problem and not one of each.
        ParameterStore::for_operator(region.clone()).await?;
    }
    let secrets = with_parameters(Arc::new(local), region);
    let mut rows = Vec::new();
    for check in &checks {
        for (reference, key) in references(&**check) {
            let problem = match secrets.resolve(&reference).await {
                Ok(stored) => secret_value::read(stored, Alphabet::for_name(&key)).err(),
                Err(error) => Some(error.detail),
            };
            rows.push((check.id(), key, reference, problem));
        }
    }
    let missing = rows.iter().filter(|(_, _, _, problem)| problem.is_some()).count();
    if options.json {
        let rows = rows.iter().map(|(check, key, reference, problem)| {
            json!({ "check": check, "key": key, "reference": reference.to_string(), "problem": problem })
        });
        terminal::json(&rows.collect::<Vec<_>>())?;
    } else {
        let count = rows.len();
        let rows = rows.into_iter().map(|(check, key, reference, problem)| {
            [check.to_owned(), key, reference.to_string(), problem.unwrap_or_else(|| "found".to_owned())]
        });
        terminal::print(&tables::columns(["CHECK", "KEY", "SECRET", "STATE"], rows));
        println!("{} of {count} secrets can be used", count - missing);
    }
    Ok(if missing == 0 { Exit::Passed } else { Exit::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_completed_or_refused() {
        let reference =
            |name: &str| reference("staging", name).map(|found| found.to_string()).map_err(|e| e.to_string());
        assert_eq!(reference("login/password").as_deref(), Ok("ssm:/just-driving/staging/login/password"));
        for (name, expected) in [
            ("password", "expected CHECK/NAME, such as `login/password`, found `password`"),
            ("logn/password", "did you mean \"login\"?"),
            ("login/", "expected a parameter under /just-driving/staging/login/"),
            ("login/../booking/password", "without empty segments, `.` and `..`"),
        ] {
            let error = reference(name).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
