//! Codes for a second factor.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret};

/// Time-based one-time passwords with SHA-1, which authenticator apps use (RFC 6238, section 4).
pub struct Totp {
    inner: totp_rs::Totp,
    period: u64,
}

/// Error for an unusable seed or code format. The text never contains the seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to generate codes for the second factor: {0}")]
pub struct TotpError(&'static str);

impl Totp {
    /// Reads the seed as shown when the second factor was set up: Base32, in groups and in any case.
    ///
    /// # Errors
    /// When the seed is not Base32, or the period or code length is out of range.
    pub fn new(seed: &SecretString, period: Duration, digits: u32) -> Result<Self, TotpError> {
        let plain: String =
            seed.expose_secret().chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '=')).collect();
        let secret = Secret::try_from_base32(plain.to_ascii_uppercase())
            .map_err(|_| TotpError("expected a seed in Base32, A to Z and 2 to 7, found something else (not shown)"))?;
        if secret.as_bytes().is_empty() {
            return Err(TotpError("expected a seed in Base32, found an empty one"));
        }
        let digits = u8::try_from(digits).ok().filter(|digits| (6..=8).contains(digits));
        let digits = digits.ok_or(TotpError("expected codes of 6 to 8 digits"))?;
        let period = period.as_secs();
        if period == 0 {
            return Err(TotpError("expected a period of at least a second"));
        }
        // The strict builder would reject seeds of 80 bits, which many platforms still issue.
        let inner = Builder::new()
            .with_secret(secret)
            .with_digits(digits)
            .with_step_duration(period)
            .with_skew(0)
            .build_noncompliant();
        Ok(Self { inner, period })
    }

    /// Number of the period at this time (RFC 6238, T).
    #[must_use]
    pub fn step(&self, at: Timestamp) -> u64 {
        u64::try_from(at.as_second()).unwrap_or_default() / self.period
    }

    /// Code of a period. Use it only once (RFC 6238, section 5.2).
    #[must_use]
    pub fn code(&self, step: u64) -> SecretString {
        SecretString::from(self.inner.generate(step.saturating_mul(self.period)).to_string())
    }
}

/// Omits the seed.
impl fmt::Debug for Totp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totp").field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seed of RFC 6238, appendix B: the ASCII text `12345678901234567890`.
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn totp(seed: &str, digits: u32) -> Result<Totp, TotpError> {
        Totp::new(&SecretString::from(seed), Duration::from_secs(30), digits)
    }

    #[test]
    fn codes_match_the_standard() {
        let totp = totp(SEED, 8).unwrap();
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = totp.step(Timestamp::from_second(second).unwrap());
            assert_eq!(totp.code(step).expose_secret(), code, "at {second}");
        }
    }

    #[test]
    fn copied_seeds_are_read_and_never_shown() {
        let plain = totp(SEED, 6).unwrap();
        let copied = totp("gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n", 6).unwrap();
        assert_eq!(plain.code(1).expose_secret(), copied.code(1).expose_secret());
        assert!(totp("GEZDGNBVGY3TQOJQ", 6).is_ok(), "80 bits");
        for (seed, digits, expected) in [("not!base32", 6, "Base32"), ("", 6, "empty"), (SEED, 5, "6 to 8 digits")] {
            let error = totp(seed, digits).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("not!base32"), "{error}");
        }
        assert!(!format!("{plain:?}").contains("GEZD"));
    }
}
