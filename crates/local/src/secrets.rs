//! Secrets on one machine: environment variables, and given parameters in place of SSM.

use std::collections::BTreeMap;
use std::ffi::OsString;

use async_trait::async_trait;
use runtime::{PortError, Secrets};
use secrecy::SecretString;
use settings::SecretRef;

/// Resolves `env:NAME` through a passed-in lookup, so that tests need no process environment, and `ssm:/…` from given
/// parameters.
pub struct EnvironmentSecrets<F> {
    variable: F,
    parameters: BTreeMap<String, SecretString>,
}

impl<F> EnvironmentSecrets<F>
where
    F: Fn(&str) -> Option<OsString> + Send + Sync,
{
    /// Creates it with a lookup of variables: `|name| std::env::var_os(name)`.
    pub fn new(variable: F) -> Self {
        Self { variable, parameters: BTreeMap::new() }
    }

    /// Adds parameters by name, such as `/just-driving/demo/login/password`, for a demo platform with random secrets.
    #[must_use]
    pub fn with_parameters(mut self, parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        self.parameters.extend(parameters.into_iter().map(|(name, value)| (name, SecretString::from(value))));
        self
    }
}

#[async_trait]
impl<F> Secrets for EnvironmentSecrets<F>
where
    F: Fn(&str) -> Option<OsString> + Send + Sync,
{
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError> {
        let failed = |detail: &str| Err(PortError::new(format!("resolve {reference}"), detail));
        match reference {
            SecretRef::Variable(name) => match (self.variable)(name) {
                Some(value) if !value.is_empty() => match value.into_string() {
                    Ok(value) => Ok(SecretString::from(value)),
                    Err(_) => failed("the variable is set, but its value is not UTF-8"),
                },
                _ => failed("the variable is not set, or empty"),
            },
            SecretRef::Parameter(name) if self.parameters.contains_key(name) => Ok(self.parameters[name].clone()),
            SecretRef::Parameter(_) => {
                failed("only the Lambda functions read SSM; on your own machine, use env:NAME in the settings")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn unresolved_reference_is_named_with_a_hint() {
        let secrets = EnvironmentSecrets::new(|_: &str| None);
        let error = |reference| poll_once(secrets.resolve(&reference)).unwrap_err().to_string();
        assert_eq!(
            error(SecretRef::Variable("TOKEN".to_owned())),
            "failed to resolve env:TOKEN: the variable is not set, or empty"
        );
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let secrets = EnvironmentSecrets::new(|_: &str| Some(OsString::from_vec(b"p\xe6ssword".to_vec())));
            let error = poll_once(secrets.resolve(&SecretRef::Variable("TOKEN".to_owned()))).unwrap_err().to_string();
            assert_eq!(error, "failed to resolve env:TOKEN: the variable is set, but its value is not UTF-8");
        }
        let ssm = SecretRef::Parameter("/just-driving/demo/login/password".to_owned());
        assert!(error(ssm).contains("use env:NAME in the settings"));
    }

    #[test]
    fn only_given_parameters_resolve() {
        let given = [("/just-driving/demo/login/password".to_owned(), "drawn".to_owned())];
        let secrets = EnvironmentSecrets::new(|_: &str| None).with_parameters(given);
        let resolve = |name: &str| poll_once(secrets.resolve(&SecretRef::Parameter(name.to_owned())));
        assert_eq!(resolve("/just-driving/demo/login/password").unwrap().expose_secret(), "drawn");
        assert!(resolve("/just-driving/demo/login/other").is_err());
    }

    /// These futures never wait, so one poll is enough.
    fn poll_once<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("the look-up waited"),
        }
    }
}
