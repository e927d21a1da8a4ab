//! Secrets from the environment's variables.

use async_trait::async_trait;
use runtime::settings::SecretRef;
use runtime::{PortError, Secrets};
use secrecy::SecretString;

/// Resolves `env:NAME` through a passed-in look-up, so that tests need no process environment.
pub struct EnvironmentSecrets<F> {
    variable: F,
}

impl<F> EnvironmentSecrets<F>
where
    F: Fn(&str) -> Option<String> + Send + Sync,
{
    /// With a look-up of variables: `|name| std::env::var(name).ok()`.
    pub fn new(variable: F) -> Self {
        Self { variable }
    }
}

#[async_trait]
impl<F> Secrets for EnvironmentSecrets<F>
where
    F: Fn(&str) -> Option<String> + Send + Sync,
{
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError> {
        let failed = |detail: &str| Err(PortError::new(format!("resolve {reference}"), detail));
        match reference {
            SecretRef::Variable(name) => match (self.variable)(name) {
                Some(value) if !value.is_empty() => Ok(SecretString::from(value)),
                _ => failed("the variable is not set, or empty"),
            },
            SecretRef::Parameter(_) => failed("SSM is read by the Lambda functions only; use env:NAME on one machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_reference_and_what_to_do_when_it_does_not_resolve() {
        let secrets = EnvironmentSecrets::new(|_: &str| None);
        let error = |reference| polled_once(secrets.resolve(&reference)).unwrap_err().to_string();
        assert_eq!(
            error(SecretRef::Variable("TOKEN".to_owned())),
            "failed to resolve env:TOKEN: the variable is not set, or empty"
        );
        let ssm = SecretRef::Parameter("/just-driving/demo/login/password".to_owned());
        assert!(error(ssm).contains("use env:NAME on one machine"));
    }

    /// These futures never wait, so one poll is enough.
    fn polled_once<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("the look-up waited"),
        }
    }
}
