//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{Counting, RawCounting, Site};
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawId, RawReference, SecretRef, Section, optional, written_id};

const SECOND: Duration = Duration::from_secs(1);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// The log-in check.
pub struct Login {
    /// The platform, its API names and the deadline of a request.
    pub site: Site,
    /// The account that logs in.
    pub account: Account,
    /// E-mail address of the account for the wrong password.
    pub wrong_email: String,
    /// Id of the account's own school.
    pub own_school: String,
    /// Id of a school that the account does not belong to.
    pub other_school: String,
    /// Settings of the real users' counters; `None` skips the step `counters`.
    pub counting: Option<Counting>,
}

/// The account that logs in.
#[derive(Clone, Debug)]
pub struct Account {
    /// E-mail address.
    pub email: String,
    /// Reference to the password.
    pub password: SecretRef,
    /// Reference to the Base32 seed of the second factor; `None` for an account without one.
    pub totp_seed: Option<SecretRef>,
    /// Id on the platform; `None` accepts any.
    pub id: Option<String>,
    /// Role on the platform; `None` accepts any.
    pub role: Option<String>,
}

/// Settings of the check `login`: a user's log-in, from the form to the log-out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLogin {
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. The whole flow has
    /// the run's `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the account's own school, which must be visible. Required.
    own_school: Option<RawId>,
    /// Id of a school that the account does not belong to, which must be hidden. Must differ from `own_school`.
    /// Required.
    other_school: Option<RawId>,
    /// Account that logs in. No other check, location or person may use it. Required.
    account: RawAccount,
    /// Account for wrong passwords. Required.
    wrong_password: RawWrongPassword,
    /// Rates of real users, from the operations counters. Default: not measured.
    counters: Option<RawCounting>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawAccount {
    /// E-mail address of the account. Required.
    email: Option<String>,
    /// Reference to the password of the account. Required.
    password: Option<RawReference>,
    /// Reference to the Base32 seed of the second factor. When set, the password alone must not log in. Default none.
    totp_seed: Option<RawReference>,
    /// Id of the account on the platform, compared with the platform's answer about the current user. The e-mail
    /// address is always compared. Default: not compared.
    id: Option<RawId>,
    /// Role of the account on the platform, compared with the same answer. Default: not compared.
    role: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawWrongPassword {
    /// E-mail address of an account not used for logging in, since wrong passwords may lock it. Must differ from that
    /// of `account`. Required.
    email: Option<String>,
}

impl RawLogin {
    /// Returns the validated check, or `None` after reporting all problems to the section.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Login> {
        let deadline =
            section.duration("step_deadline", self.step_deadline, DEFAULT_DEADLINE, SECOND / 10..=SECOND * 20);
        let own_school = section.id("own_school", self.own_school).map(|id| written_id(&id));
        let other_school = section.id("other_school", self.other_school).map(|id| written_id(&id));
        if own_school.is_some() && own_school == other_school {
            section.problem("other_school", "expected a school other than `own_school`, found the same one");
        }
        let account = self.account.validate(&section.table("account"), common);
        let wrong = section.table("wrong_password");
        let wrong_email = wrong.text("email", self.wrong_password.email);
        if let (Some(account), Some(email)) = (&account, &wrong_email)
            && account.email.eq_ignore_ascii_case(email)
        {
            let rule = "expected a separate account, found the e-mail of `account`: wrong passwords would lock it out";
            wrong.problem("email", rule);
        }
        let counting = optional(self.counters, |counters| {
            counters.validate(&section.table("counters"), common, <Login as runtime::Check>::ID)
        });
        let site = Site::read(section, common, deadline?)?;
        Some(Login {
            site,
            account: account?,
            wrong_email: wrong_email?,
            own_school: own_school?,
            other_school: other_school?,
            counting: counting?,
        })
    }
}

impl RawAccount {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Account> {
        let check = <Login as runtime::Check>::ID;
        let email = section.text("email", self.email);
        let password = section.required("password", self.password);
        let password =
            password.and_then(|written| section.secret("password", Some(written), &common.environment, check));
        let has_seed = self.totp_seed.is_some();
        let totp_seed = section.secret("totp_seed", self.totp_seed, &common.environment, check);
        let id = match &self.id {
            None => Some(None),
            Some(id) => section.id("id", Some(id.clone())).map(|id| Some(written_id(&id))),
        };
        let role = optional(self.role, |role| section.text("role", Some(role)));
        if has_seed && totp_seed.is_none() {
            return None;
        }
        Some(Account { email: email?, password: password?, totp_seed, id: id?, role: role? })
    }
}
