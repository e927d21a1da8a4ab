//! Random ids, tokens and passwords. Unlike those of a real platform, they are not cryptographically secure.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The length of Laravel's session ids and tokens.
const LENGTH: usize = 40;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of random values; no value is repeated.
pub(crate) struct Chance {
    key: RandomState,
    drawn: AtomicU64,
}

impl Chance {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::new(), drawn: AtomicU64::new(0) }
    }

    /// A random number.
    pub(crate) fn number(&self) -> u64 {
        self.key.hash_one(("number", self.drawn.fetch_add(1, Ordering::Relaxed)))
    }

    /// Forty random letters and digits.
    pub(crate) fn letters(&self) -> String {
        let letter = |_| char::from(ALPHABET[usize::try_from(self.number() % 62).unwrap_or_default()]);
        (0..LENGTH).map(letter).collect()
    }

    /// Twenty random bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        (0..20).map(|_| self.number().to_be_bytes()[0]).collect()
    }

    /// A keyed hash that only this process can compute.
    pub(crate) fn hash(&self, value: &impl Hash) -> u64 {
        self.key.hash_one(value)
    }
}
