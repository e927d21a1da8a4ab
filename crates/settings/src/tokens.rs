//! Literal secrets, recognised by their form.

/// A form of token: a prefix, and what follows it.
struct Form {
    kind: &'static str,
    prefix: &'static str,
    /// Number of characters that must follow.
    least: usize,
    /// True if no more may follow.
    is_exact: bool,
    follows: fn(u8) -> bool,
}

const fn form(kind: &'static str, prefix: &'static str, least: usize, follows: fn(u8) -> bool) -> Form {
    Form { kind, prefix, least, is_exact: false, follows }
}

const fn exact(kind: &'static str, prefix: &'static str, length: usize, follows: fn(u8) -> bool) -> Form {
    Form { kind, prefix, least: length, is_exact: true, follows }
}

const STRIPE: &str = "a Stripe key";
const AWS: &str = "an AWS access key";
const GITHUB: &str = "a GitHub token";
const SLACK: &str = "a Slack token";
const WEBHOOK: &str = "the URL of a chat's webhook";

const FORMS: &[Form] = &[
    form(STRIPE, "sk_live_", 4, is_word),
    form(STRIPE, "sk_test_", 4, is_word),
    form(STRIPE, "rk_live_", 4, is_word),
    form(STRIPE, "rk_test_", 4, is_word),
    form("a Stripe webhook secret", "whsec_", 4, is_base64),
    exact(AWS, "AKIA", 16, is_upper),
    exact(AWS, "ASIA", 16, is_upper),
    form(GITHUB, "ghp_", 16, is_word),
    form(GITHUB, "gho_", 16, is_word),
    form(GITHUB, "ghu_", 16, is_word),
    form(GITHUB, "ghs_", 16, is_word),
    form(GITHUB, "ghr_", 16, is_word),
    form(GITHUB, "github_pat_", 16, is_word),
    form("a GitLab token", "glpat-", 16, is_base64),
    exact("a Twilio key", "SK", 32, is_hex),
    form("a SendGrid key", "SG.", 16, is_base64),
    form("a Google key", "AIza", 30, is_base64),
    form("a key of a Laravel application", "base64:", 40, is_base64),
    form(SLACK, "xoxb-", 8, is_base64),
    form(SLACK, "xoxp-", 8, is_base64),
    form(SLACK, "xoxa-", 8, is_base64),
    form(SLACK, "xapp-", 8, is_base64),
    form(WEBHOOK, "hooks.slack.com/services/", 1, is_base64),
    form(WEBHOOK, "hooks.slack.com/workflows/", 1, is_base64),
    form(WEBHOOK, "hooks.slack.com/triggers/", 1, is_base64),
    form(WEBHOOK, "discord.com/api/webhooks/", 1, is_base64),
    form(WEBHOOK, "webhook.office.com/webhookb2/", 1, is_base64),
];

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.+/=".contains(&byte)
}

/// Kind of the first secret in a text.
pub(crate) fn first(text: &str) -> Option<&'static str> {
    matches(text).next().map(|(_, kind)| kind)
}

/// All secrets in a text: where they begin, and their kinds.
pub(crate) fn all(text: &str) -> Vec<(usize, &'static str)> {
    let mut found: Vec<_> = matches(text).collect();
    found.sort_unstable();
    found
}

fn matches(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let bytes = text.as_bytes();
    let forms = FORMS.iter().flat_map(move |form| {
        let is_match = move |at: usize| {
            let follows = &bytes[at + form.prefix.len()..];
            let begins = !at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(|byte| is_word(*byte));
            begins
                && follows.len() >= form.least
                && follows[..form.least].iter().all(|byte| (form.follows)(*byte))
                && !(form.is_exact && follows.get(form.least).is_some_and(|byte| is_word(*byte)))
        };
        text.match_indices(form.prefix).filter(move |(at, _)| is_match(*at)).map(|(at, _)| (at, form.kind))
    });
    let signed = text.match_indices("eyJ").filter(|(at, _)| is_jwt(bytes, *at)).map(|(at, _)| (at, "a JSON Web Token"));
    let keys = text.match_indices("-----BEGIN ").filter(|(at, _)| is_private_key(bytes, *at));
    forms.chain(signed).chain(keys.map(|(at, _)| (at, "a private key")))
}

/// Three parts of Base64, the first two of some length; the last is empty without a signature.
fn is_jwt(text: &[u8], at: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    if at > 0 && is_part(&text[at - 1]) {
        return false;
    }
    let mut rest = &text[at..];
    for _ in 0..2 {
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        if length < 8 || rest.get(length) != Some(&b'.') {
            return false;
        }
        rest = &rest[length + 1..];
    }
    true
}

/// Longest name of a kind of key: `OPENSSH PRIVATE KEY`, `PGP PRIVATE KEY BLOCK`.
const LONGEST_LABEL: usize = 48;

fn is_private_key(text: &[u8], at: usize) -> bool {
    let label = &text[at..(at + LONGEST_LABEL).min(text.len())];
    label.windows(11).any(|part| part == b"PRIVATE KEY")
}

/// Kind of the secret in a URL or path: a password before the host, or a parameter with a name of secrets.
pub(crate) fn in_url(text: &str) -> Option<&'static str> {
    let is_url = text.contains("://");
    if is_url && text.match_indices("://").any(|(at, _)| has_password(&text[at + 3..])) {
        return Some("a password in a URL");
    }
    let parameters = if is_url || text.starts_with('/') { text } else { "" };
    let mut pieces = parameters.split(['?', '&', ';', '#']);
    // The first is before the query.
    pieces.next();
    pieces.any(is_secret_parameter).then_some("a secret in the parameters of a URL")
}

fn has_password(after_scheme: &str) -> bool {
    let end = |c: char| c.is_whitespace() || "/?#\\\"'<>`".contains(c);
    let authority = after_scheme.split(end).next().unwrap_or_default();
    let named = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    named.is_some_and(|(_, password)| !password.is_empty())
}

/// Shortest value of a parameter that counts as a secret. **Units:** bytes.
const SHORTEST_VALUE: usize = 3;

fn is_secret_parameter(piece: &str) -> bool {
    let Some((name, value)) = piece.split_once('=') else { return false };
    let value = value.split(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).next().unwrap_or_default();
    let is_placeholder = value.starts_with('{') && value.ends_with('}');
    if value.len() < SHORTEST_VALUE || is_placeholder || matches!(value, "true" | "false" | "none") {
        return false;
    }
    let name = name.to_ascii_lowercase().replace(['-', '.'], "_");
    let is_secret = [
        "token",
        "secret",
        "password",
        "passwd",
        "signature",
        "credential",
        "apikey",
        "api_key",
        "access_key",
        "accesskey",
    ];
    // Short words have other meanings as well, so their value must look random.
    let is_random = || value.len() >= 8 && value.bytes().any(|byte| byte.is_ascii_digit());
    let may_be_secret = |word: &str| matches!(word, "key" | "sig" | "auth" | "pwd" | "pass" | "jwt");
    is_secret.iter().any(|part| name.contains(part)) || (name.split('_').any(may_be_secret) && is_random())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are put together here, so that no scanner takes this file for one with secrets.
    fn tokens() -> Vec<(String, &'static str)> {
        let hex = "0123456789abcdef".repeat(2);
        let long = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z";
        vec![
            (format!("sk_{}_{long}", "live"), STRIPE),
            (format!("sk_{}_4eC3", "test"), STRIPE),
            (format!("rk_{}_{long}", "live"), STRIPE),
            (format!("whsec{}{long}", '_'), "a Stripe webhook secret"),
            (format!("AK{}", "IAIOSFODNN7EXAMPLE"), AWS),
            (format!("AS{}", "IAIOSFODNN7EXAMPLE"), AWS),
            (format!("ghp{}{long}", '_'), GITHUB),
            (format!("github{}{long}", "_pat_"), GITHUB),
            (format!("SK{hex}"), "a Twilio key"),
            (format!("SG.{}.{long}", &long[..22]), "a SendGrid key"),
            (format!("xox{}123456789012-{long}", "b-"), SLACK),
            (format!("https://hooks.slack.com/{}/T0/B0/{long}", "services"), WEBHOOK),
            (format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{long}"), "a JSON Web Token"),
            (format!("-----BEGIN RSA {} KEY-----\nMII", "PRIVATE"), "a private key"),
            (format!("-----BEGIN {} KEY-----", "PRIVATE"), "a private key"),
        ]
    }

    #[test]
    fn tokens_are_recognised_anywhere_in_a_text() {
        for (token, kind) in tokens() {
            for text in [token.clone(), format!("a ({token}) b"), format!("=\"{token}\""), format!("é{token}, é")] {
                assert_eq!(first(&text), Some(kind), "{text}");
            }
            assert!(
                first(&format!("x{token}")).is_none() || token.starts_with("https") || token.starts_with('-'),
                "{token}"
            );
        }
    }

    #[test]
    fn similar_texts_are_no_tokens() {
        let hex = "0123456789abcdef".repeat(2);
        for text in [
            "",
            "sk_live_",
            "task_live_feed_of_lessons",
            "whsec_",
            "SKIP",
            "AKIA",
            "SG.example",
            "eyJ",
            "ssm:/just-driving/demo/login/password",
            "name=\"_token\"",
            "-----BEGIN CERTIFICATE-----",
            &format!("AC{hex}"),
            &format!("SK{hex}0"),
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_in_urls_are_recognised() {
        for text in [
            "https://user:word@www.example.com/",
            "redis://:word@cache.internal:6379",
            "https://www.example.com/?token=abcdef",
            "https://www.example.com/?a=1&api_key=abcdef&b=2",
            "https://www.example.com/?API-Key=abcdef",
            "https://www.example.com/#access_token=abcdef",
            "https://www.example.com/?X-Amz-Signature=abcdef",
            "https://www.example.com/?key=a1b2c3d4e5",
            "/status?token=abcdef",
            "/status?user[password]=abcdef",
        ] {
            assert!(in_url(text).is_some(), "{text}");
        }
        for text in [
            "https://www.example.com/",
            "https://user@www.example.com/",
            "https://www.example.com:8443/a@b:c",
            "https://trace.example/{trace_id}?token={run_id}",
            "https://www.example.com/?key=name&tokens",
            "https://www.example.com/?token=",
            "/schools?monkey=a1b2c3d4e5",
            "name=token=abcdef",
        ] {
            assert_eq!(in_url(text), None, "{text}");
        }
    }

    #[test]
    fn long_text_takes_linear_time() {
        for text in
            ["eyJ", "eyJaaaaaaaa.", "SG.", "sk_live_", "://a:", "-----BEGIN ", "?token", "hooks.slack.com/services/"]
        {
            let text = text.repeat(300_000 / text.len());
            let _ = (all(&text), in_url(&text));
        }
    }
}
