//! Rules for hosts and for the length of URLs, which the reader of URLs does not check.

use std::fmt::Display;

use url::{Host, Url};

/// Maximum length of a URL or a path. Servers and proxies refuse longer ones. **Units:** bytes.
pub(crate) const MAX_URL: usize = 2_048;
/// Maximum length of a host (RFC 1035, section 2.3.4). **Units:** bytes.
const MAX_HOST: usize = 253;
/// Maximum length of one label of it. **Units:** bytes.
const MAX_LABEL: usize = 63;

/// Checks that a host can be resolved: URLs may have almost any character in it, as in `https://${HOST}.example`. Names
/// beyond ASCII are in Punycode by then.
///
/// # Errors
/// The expected host, to follow "expected a host" or "expected a URL with a host".
pub(crate) fn check_host<S: AsRef<str> + Display>(host: &Host<S>) -> Result<(), String> {
    let Host::Domain(name) = host else { return Ok(()) };
    let name = name.as_ref();
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.contains(['$', '{', '}']) {
        Err("that is written out, since variables are not filled in here".to_owned())
    } else if name.contains('*') {
        Err("that is written out, without `*`".to_owned())
    } else if !name.chars().all(|c| c == '.' || is_allowed(c)) {
        Err("of letters, digits, `-`, `_` and dots".to_owned())
    } else if name.split('.').any(str::is_empty) {
        Err("with something before, between and after its dots".to_owned())
    } else if name.split('.').any(|label| label.len() > MAX_LABEL) {
        Err(format!("with at most {MAX_LABEL} characters between two dots"))
    } else if name.len() > MAX_HOST {
        Err(format!("of at most {MAX_HOST} characters"))
    } else {
        Ok(())
    }
}

/// Checks that a URL can be requested.
///
/// # Errors
/// The expected part of the URL, to follow "expected a URL". It quotes nothing.
pub fn check_requestable(url: &Url) -> Result<(), String> {
    match url.host() {
        Some(host) if matches!(url.scheme(), "http" | "https") => {
            check_host(&host).map_err(|rule| format!("with a host {rule}"))?;
        }
        _ => return Err("of http or https with a host".to_owned()),
    }
    if url.port() == Some(0) { Err("with a port of 1 to 65535".to_owned()) } else { Ok(()) }
}

/// Checks the length of a URL or a path.
///
/// # Errors
/// The expected and the found length.
pub(crate) fn check_length(kind: &str, text: &str) -> Result<(), String> {
    match text.len() {
        0..=MAX_URL => Ok(()),
        length => Err(format!("expected a {kind} of at most {MAX_URL} bytes, found {length}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_one_that_can_be_resolved() {
        let label = |length: usize| "a".repeat(length);
        let long = |last: usize| [label(63), label(63), label(63), label(last)].join(".");
        for host in [
            "localhost",
            "app.example",
            "app.example.",
            "my_host.example",
            "køreskole.example",
            "1.2.example",
            "127.0.0.1",
            "[::1]",
            &label(63),
            &long(61),
        ] {
            assert_eq!(check_host(&Host::parse(host).unwrap()), Ok(()), "{host}");
        }
        for (host, rule) in [
            ("${HOST}.example", "variables are not filled in"),
            ("$HOST", "variables are not filled in"),
            ("{host}.example", "variables are not filled in"),
            ("*.example", "without `*`"),
            ("a,b.example", "of letters, digits"),
            ("a'b", "of letters, digits"),
            ("a..example", "between and after its dots"),
            (".example", "between and after its dots"),
            ("a.example..", "between and after its dots"),
            (&label(64), "at most 63 characters between two dots"),
            (&long(62), "of at most 253 characters"),
        ] {
            let error = check_host(&Host::parse(host).unwrap()).expect_err(host);
            assert!(error.contains(rule), "{host}: {error}");
        }
    }

    #[test]
    fn length_of_a_url_is_bounded() {
        assert_eq!(check_length("URL", &"a".repeat(2_048)), Ok(()));
        let error = check_length("URL", &"a".repeat(70_000)).unwrap_err();
        assert_eq!(error, "expected a URL of at most 2048 bytes, found 70000");
    }
}
