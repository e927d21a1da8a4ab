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
    /// Deadline of one request, from name resolution to the last byte: 100ms to 20s. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the account's own school, a text or a number. It must be visible.
    own_school: Option<RawId>,
    /// Id of a school that the account does not belong to, a text or a number. It must be hidden.
    other_school: Option<RawId>,
    /// Account that logs in. No other check, location or person may use it.
    account: RawAccount,
    /// Account for wrong passwords.
    wrong_password: RawWrongPassword,
    /// Rates of real users, from the operations counters. Not measured without this table.
    counters: Option<RawCounting>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawAccount {
    /// E-mail address of the account.
    email: Option<String>,
    /// Reference to the password.
    password: Option<RawReference>,
    /// Reference to the Base32 seed of the second factor. Omit it for an account without one.
    totp_seed: Option<RawReference>,
    /// Id of the account on the platform, a text or a number. Not compared if omitted.
    id: Option<RawId>,
    /// Role of the account on the platform. Not compared if omitted.
    role: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawWrongPassword {
    /// E-mail address of an otherwise unused account, since wrong passwords may lock it.
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
