//! Accounts and their credentials. Passwords, seeds and tokens are generated at each start; the source contains none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use totp_rs::{Builder, Secret};

use crate::seed::{Account, Seed};
use crate::state::chance::Chance;

/// Length of a second-factor code.
const DIGITS: u8 = 6;
/// Clock difference for which codes of earlier and later periods are accepted; at least one period. **Units:** seconds.
const SKEW_SECONDS: u64 = 5;

/// The accounts with their credentials, and the issued tokens.
pub(crate) struct Accounts {
    accounts: Vec<Account>,
    passwords: HashMap<u32, String>,
    codes: HashMap<u32, totp_rs::Totp>,
    /// The last period with an accepted code, by account. A code is accepted once.
    last_accepted: Mutex<HashMap<u32, u64>>,
    tokens: Mutex<HashMap<String, Token>>,
    ops_token: String,
    webhook_secret: String,
    provider_key: String,
    database_password: String,
    cache_password: String,
    health_secret: String,
    chance: Chance,
}

#[derive(Clone, Copy)]
struct Token {
    account: u32,
    awaits_code: bool,
}

impl Accounts {
    pub(crate) fn new(seed: &Seed, period: Duration) -> Self {
        let chance = Chance::new();
        let accounts = seed.accounts.clone();
        let passwords = accounts.iter().map(|account| (account.id, chance.letters())).collect();
        let period = period.as_secs().max(1);
        let skew = u16::try_from(SKEW_SECONDS.div_ceil(period)).unwrap_or(1);
        let totp = |account: &Account| {
            let secret = Secret::new(chance.bytes().into_boxed_slice());
            let codes = Builder::new()
                .with_secret(secret)
                .with_digits(DIGITS)
                .with_skew(skew)
                .with_step_duration(period)
                .build_noncompliant();
            (account.id, codes)
        };
        let codes = accounts.iter().filter(|account| account.second_factor).map(totp).collect();
        let ops_token = chance.letters();
        let provider_key = chance.letters();
        let (database_password, cache_password) = (chance.letters(), chance.letters());
        let health_secret = chance.letters();
        // The format of Stripe's secrets.
        let webhook_secret = format!("whsec_{}", chance.letters());
        Self {
            accounts,
            passwords,
            codes,
            last_accepted: Mutex::default(),
            tokens: Mutex::default(),
            ops_token,
            webhook_secret,
            provider_key,
            database_password,
            cache_password,
            health_secret,
            chance,
        }
    }

    /// The credentials for the checks, by their path below `/just-driving/<environment>/`.
    pub(crate) fn credentials(&self) -> BTreeMap<String, String> {
        let account = |name: &str| self.accounts.iter().find(|account| account.email.starts_with(name));
        let password = |name| account(name).and_then(|account| self.passwords.get(&account.id)).cloned();
        let seed =
            account("login@").and_then(|account| self.codes.get(&account.id)).map(|codes| codes.secret().to_base32());
        [
            ("login/password", password("login@")),
            ("login/totp-seed", seed),
            ("login/plain-password", password("plain@")),
            ("login/ops-token", Some(self.ops_token.clone())),
            ("booking/password", password("booking@")),
            ("booking/ops-token", Some(self.ops_token.clone())),
            ("notifications/password", password("notifications@")),
            ("notifications/provider-key", Some(self.provider_key.clone())),
            ("notifications/ops-token", Some(self.ops_token.clone())),
            ("payment-webhook/password", password("payments@")),
            ("reconciliation/password", password("reconciliation@")),
            ("reconciliation/provider-key", Some(self.provider_key.clone())),
            ("payment-webhook/webhook-secret", Some(self.webhook_secret.clone())),
            ("payment-webhook/ops-token", Some(self.ops_token.clone())),
            ("queues/password", password("queues@")),
            ("queues/ops-token", Some(self.ops_token.clone())),
            ("backend/database-password", Some(self.database_password.clone())),
            ("backend/cache-password", Some(self.cache_password.clone())),
            ("application/ops-token", Some(self.ops_token.clone())),
            ("application/health-secret", Some(self.health_secret.clone())),
            ("integrations/provider-key", Some(self.provider_key.clone())),
        ]
        .into_iter()
        .filter_map(|(path, secret)| Some((path.to_owned(), secret?)))
        .collect()
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.email.eq_ignore_ascii_case(email))
    }

    pub(crate) fn is_password(&self, account: &Account, password: &str) -> bool {
        self.passwords.get(&account.id).is_some_and(|own| own == password)
    }

    /// Accepts a valid code, once.
    pub(crate) fn accept_code(&self, account: u32, code: &str, now: Timestamp) -> bool {
        let Some(codes) = self.codes.get(&account) else { return false };
        let Some(at) = codes.check(code, u64::try_from(now.as_second()).unwrap_or_default()) else { return false };
        let mut accepted = self.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.get(&account).is_some_and(|last| *last >= at) {
            return false;
        }
        accepted.insert(account, at);
        true
    }

    /// Issues a bearer token. A token that awaits the second-factor code is valid only for submitting it.
    pub(crate) fn token(&self, account: u32, awaits_code: bool) -> String {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("{}|{}", tokens.len() + 1, self.chance.letters());
        tokens.insert(token.clone(), Token { account, awaits_code });
        token
    }

    /// The account of a token, among the tokens that await a code or among those that do not.
    pub(crate) fn by_token(&self, token: &str, awaits_code: bool) -> Option<&Account> {
        let token = *self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token)?;
        self.by_id(token.account).filter(|_| token.awaits_code == awaits_code)
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// The API key for the providers of e-mail and SMS.
    pub(crate) fn provider_key(&self) -> &str {
        &self.provider_key
    }

    /// The secret of the health endpoint, if the endpoint requires one.
    pub(crate) fn health_secret(&self) -> &str {
        &self.health_secret
    }

    /// The signing secret for synthetic deliveries to the payment webhook.
    pub(crate) fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// The password of the monitor's database user.
    pub(crate) fn database_password(&self) -> &str {
        &self.database_password
    }

    pub(crate) fn is_cache_password(&self, password: &str) -> bool {
        password == self.cache_password
    }

    /// Fresh random letters.
    pub(crate) fn nonce(&self, length: usize) -> Vec<u8> {
        self.chance.letters().into_bytes().into_iter().take(length).collect()
    }

    pub(crate) fn is_ops_token(&self, token: &str) -> bool {
        token == self.ops_token
    }
}
