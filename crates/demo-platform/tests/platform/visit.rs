//! A client that behaves like a script in a browser: it keeps the latest cookies, and sends the CSRF cookie back URL-decoded.

use std::collections::BTreeMap;

use demo_platform::{Flavour, Options, Running};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::wire::{Answer, Clock, JSON, get, post};

pub const LOGIN: &str = "login@syntetisk.example";
pub const PLAIN: &str = "plain@syntetisk.example";
pub const WRONG: &str = "login-wrong@syntetisk.example";
/// Period of second-factor codes in apps. **Units:** seconds.
pub const PERIOD: u64 = 30;

/// Names of a flavour, repeated here because the platform's own table is under test.
pub struct Names {
    pub flavour: Flavour,
    pub cookies: [&'static str; 2],
    pub csrf_header: &'static str,
    pub form: &'static str,
    pub form_token: &'static str,
    pub login: &'static str,
    pub fields: [&'static str; 2],
    pub logged_in: u16,
    pub refused: u16,
    pub challenge: &'static str,
    pub code: &'static str,
    pub logout: &'static str,
    pub logged_out: u16,
    pub me: &'static str,
    pub schools: &'static str,
    pub hidden: u16,
    pub counters: &'static str,
}

pub const DOCUMENTED: Names = Names {
    flavour: Flavour::Documented,
    cookies: ["just_driving_session", "XSRF-TOKEN"],
    csrf_header: "X-XSRF-TOKEN",
    form: "/login",
    form_token: "_token",
    login: "/api/login",
    fields: ["email", "password"],
    logged_in: 204,
    refused: 422,
    challenge: "/api/two-factor-challenge",
    code: "code",
    logout: "/api/logout",
    logged_out: 204,
    me: "/api/me",
    schools: "/api/schools",
    hidden: 403,
    counters: "/api/ops/metrics",
};

pub const RENAMED: Names = Names {
    flavour: Flavour::Renamed,
    cookies: ["jd_sid", "JD-CSRF"],
    csrf_header: "X-JD-CSRF",
    form: "/account/sign-in",
    form_token: "csrf",
    login: "/v2/sessions",
    fields: ["username", "passphrase"],
    logged_in: 201,
    refused: 401,
    challenge: "/v2/sessions/otp",
    code: "otp",
    logout: "/v2/sessions/end",
    logged_out: 200,
    me: "/v2/whoami",
    schools: "/v2/driving-schools",
    hidden: 404,
    counters: "/v2/operations",
};

pub const BOTH: [&Names; 2] = [&DOCUMENTED, &RENAMED];

impl Names {
    /// Starts a platform with these names and the code period of apps.
    pub async fn platform(&self, clock: &Clock) -> Running {
        let totp_period = std::time::Duration::from_secs(PERIOD);
        clock.platform(Options { flavour: self.flavour, totp_period, ..Options::default() }).await
    }
}

#[derive(Clone)]
pub struct Browser<'p> {
    pub platform: &'p Running,
    pub names: &'static Names,
    /// The cookies as set by the server, URL-encoded.
    pub cookies: BTreeMap<String, String>,
    /// The CSRF token in the form.
    pub form_token: String,
}

impl<'p> Browser<'p> {
    /// Opens the log-in form.
    pub async fn open(platform: &'p Running, names: &'static Names) -> Self {
        let mut browser = Self { platform, names, cookies: BTreeMap::new(), form_token: String::new() };
        let page = browser.get(names.form).await;
        let input = format!(r#"<input type="hidden" name="{}" value=""#, names.form_token);
        browser.form_token = page.body.split_once(&input).unwrap().1.split('"').next().unwrap().to_owned();
        browser
    }

    /// Opens the form and logs in the account without a second factor.
    pub async fn logged_in(platform: &'p Running, names: &'static Names) -> Self {
        let mut browser = Self::open(platform, names).await;
        let answer = browser.log_in(PLAIN, &platform.credentials()["login/plain-password"]).await;
        assert_eq!((answer.status, answer.body.as_str()), (names.logged_in, ""), "{answer:?}");
        browser
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let lines = self.headers();
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([JSON]).collect();
        let answer = get(self.platform.base_url(), path, &lines).await;
        self.keep(answer)
    }

    /// Sends JSON with the CSRF cookie's value in its header.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = format!("{}: {}", self.names.csrf_header, decoded(&self.cookies[self.names.cookies[1]]));
        self.post_with(path, &[&token], fields).await
    }

    /// Sends JSON with the given headers.
    pub async fn post_with(&mut self, path: &str, headers: &[&str], fields: &[(&str, &str)]) -> Answer {
        let lines = self.headers();
        let own = lines.iter().map(String::as_str).chain([JSON, "Content-Type: application/json"]);
        let all: Vec<&str> = own.chain(headers.iter().copied()).collect();
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let answer = post(self.platform.base_url(), path, &all, &Value::Object(fields).to_string()).await;
        self.keep(answer)
    }

    pub async fn log_in(&mut self, email: &str, password: &str) -> Answer {
        let [email_field, password_field] = self.names.fields;
        self.post(self.names.login, &[(email_field, email), (password_field, password)]).await
    }

    /// Submits the password of the account with a second factor.
    pub async fn submit_password(&mut self) -> Answer {
        let password = self.platform.credentials()["login/password"].clone();
        self.log_in(LOGIN, &password).await
    }

    pub async fn code(&mut self, code: &str) -> Answer {
        self.post(self.names.challenge, &[(self.names.code, code)]).await
    }

    pub async fn me(&mut self) -> Answer {
        self.get(self.names.me).await
    }

    pub async fn school(&mut self, id: &str) -> Answer {
        self.get(&format!("{}/{id}", self.names.schools)).await
    }

    pub async fn log_out(&mut self) -> Answer {
        self.post(self.names.logout, &[]).await
    }

    /// The headers `Cookie` and `Referer`, as a browser sends them.
    pub fn headers(&self) -> Vec<String> {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let referer = format!("Referer: {}{}", self.platform.base_url(), self.names.form);
        vec![format!("Cookie: {}", pairs.join("; ")), referer]
    }

    /// Stores the cookies of an answer.
    pub fn keep(&mut self, answer: Answer) -> Answer {
        for (name, value) in cookies(&answer) {
            self.cookies.insert(name, value);
        }
        answer
    }
}

pub fn cookies(answer: &Answer) -> BTreeMap<String, String> {
    let pairs =
        answer.all("set-cookie").into_iter().map(|line| line.split(';').next().unwrap().split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// URL-decodes the characters of Base64.
pub fn decoded(cookie: &str) -> String {
    cookie.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
}

/// The code that an app generates from this seed.
pub fn code(seed: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(seed).unwrap();
    assert_eq!(secret.as_bytes().len(), 20);
    let app = totp_rs::Builder::new().with_secret(secret).with_digits(6).with_step_duration(PERIOD).build().unwrap();
    app.generate(at.as_second().unsigned_abs()).to_string()
}
