//! The settings of the check: what is written, and what it must be.

use std::time::Duration;

use runtime::settings::{Common, SecretRef, Section, written_duration};
use runtime::visit::Site;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Login;

const SECOND: Duration = Duration::from_secs(1);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const DEFAULT_MINIMUM_COUNT: u32 = 20;

/// The account that logs in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its e-mail.
    pub email: String,
    /// Its password.
    pub password: SecretRef,
    /// The Base32 seed of its second factor, when it has one.
    pub totp_seed: Option<SecretRef>,
    /// Its id at the platform; `None`: any.
    pub id: Option<String>,
    /// Its role; `None`: any.
    pub role: Option<String>,
}

/// Where the rates of real users come from.
#[derive(Clone, Debug)]
pub struct Counting {
    /// The bearer token of the operations counters.
    pub token: SecretRef,
    /// How many attempts a window must hold for a rate to be published. Default 20.
    pub minimum_count: u32,
    /// Whether the counters hold our own attempts too. Default true.
    pub include_ours: bool,
}

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLogin {
    /// The longest one request may take, from the name to the last byte. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// The id of the account's own school, a text or a number: it must be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_school: Option<Value>,
    /// The id of a school that is none of the account's, a text or a number: it must be hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_school: Option<Value>,
    /// The account that logs in. No other check, location or person may use it.
    account: RawAccount,
    /// The account that wrong passwords are tried on.
    wrong_password: RawWrongPassword,
    /// Rates of real users, from the operations counters; none without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<RawCounters>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawAccount {
    /// Its e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// A reference to its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// A reference to the Base32 seed of its second factor, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_seed: Option<String>,
    /// Its id at the platform, a text or a number. Not compared when it is not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    /// Its role. Not compared when it is not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawWrongPassword {
    /// The e-mail of an account that nobody logs in with: a wrong password may lock it.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCounters {
    /// A reference to the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// How many attempts a window must hold for a rate to be published. Default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_count: Option<u32>,
    /// Whether the counters hold the attempts of this check too, which are then subtracted. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    include_ours: Option<bool>,
}

impl RawLogin {
    /// `None` when something is wrong; the section holds all problems then.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Login> {
        let deadline =
            section.duration("step_deadline", self.step_deadline, DEFAULT_DEADLINE, SECOND / 10..=SECOND * 20);
        let own_school =
            section.required("own_school", self.own_school).and_then(|id| id_of(section, "own_school", &id));
        let other_school =
            section.required("other_school", self.other_school).and_then(|id| id_of(section, "other_school", &id));
        if own_school.is_some() && own_school == other_school {
            section.problem("other_school", "expected another school than `own_school`, saw the same");
        }
        let account = self.account.validate(&section.table("account"), common);
        let wrong = section.table("wrong_password");
        let wrong_email = wrong.text("email", self.wrong_password.email);
        if let (Some(account), Some(email)) = (&account, &wrong_email)
            && account.email.eq_ignore_ascii_case(email)
        {
            let rule = "expected an account of its own, saw that of `account`: wrong passwords would lock it out";
            wrong.problem("email", rule);
        }
        let counting = match self.counters {
            None => Some(None),
            Some(counters) => counters.validate(&section.table("counters"), common).map(Some),
        };
        let site = Site { base_url: common.base_url.clone(), platform: common.platform.clone(), deadline: deadline? };
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
            Some(id) => id_of(section, "id", id).map(Some),
        };
        let role = match self.role {
            None => Some(None),
            Some(role) => section.text("role", Some(role)).map(Some),
        };
        if has_seed && totp_seed.is_none() {
            return None;
        }
        Some(Account { email: email?, password: password?, totp_seed, id: id?, role: role? })
    }
}

impl RawCounters {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Counting> {
        let token = section.required("token", self.token);
        let check = <Login as runtime::Check>::ID;
        let token = token.and_then(|written| section.secret("token", Some(written), &common.environment, check));
        let minimum_count = section.number("minimum_count", self.minimum_count, DEFAULT_MINIMUM_COUNT, 1..=1_000_000);
        Some(Counting { token: token?, minimum_count: minimum_count?, include_ours: self.include_ours.unwrap_or(true) })
    }
}

/// An id as platforms have them: a number, or a text such as a UUID.
fn id_of(section: &Section<'_>, key: &str, id: &Value) -> Option<String> {
    match id {
        Value::String(text) => section.text(key, Some(text.clone())),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => {
            section.problem(key, format!("expected an id, a text or a whole number, saw {id}"));
            None
        }
    }
}

impl Login {
    /// As it would be written, every default in its place.
    pub(crate) fn as_written(&self) -> RawLogin {
        let Account { email, password, totp_seed, id, role } = self.account.clone();
        RawLogin {
            step_deadline: Some(written_duration(self.site.deadline)),
            own_school: Some(Value::from(self.own_school.clone())),
            other_school: Some(Value::from(self.other_school.clone())),
            account: RawAccount {
                email: Some(email),
                password: Some(password.to_string()),
                totp_seed: totp_seed.map(|seed| seed.to_string()),
                id: id.map(Value::from),
                role,
            },
            wrong_password: RawWrongPassword { email: Some(self.wrong_email.clone()) },
            counters: self.counting.as_ref().map(|counting| RawCounters {
                token: Some(counting.token.to_string()),
                minimum_count: Some(counting.minimum_count),
                include_ours: Some(counting.include_ours),
            }),
        }
    }
}
