use super::*;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

fn redactor(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    for secret in secrets {
        assert!(redactor.register(secret), "{secret} was not registered");
    }
    redactor
}

/// All encodings in which a secret may leave the process.
fn encodings(secret: &str) -> Vec<(String, String)> {
    let percent = |keep: &dyn Fn(u8) -> bool, upper: bool| -> String {
        secret
            .bytes()
            .map(|byte| match byte {
                b if keep(b) => char::from(b).to_string(),
                b if upper => format!("%{b:02X}"),
                b => format!("%{b:02x}"),
            })
            .collect()
    };
    let strict = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let component = |b: u8| strict(b) || b"!'()*".contains(&b);
    let unicode: String = secret
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(b'/') => "\\/".to_owned(),
            Ok(b @ (b'"' | b'\\')) => format!("\\{}", char::from(b)),
            Ok(b) if b.is_ascii() => char::from(b).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut all = vec![
        ("raw".to_owned(), secret.to_owned()),
        ("strict percent, upper".to_owned(), percent(&strict, true)),
        ("strict percent, lower".to_owned(), percent(&strict, false)),
        ("encodeURIComponent".to_owned(), percent(&component, true)),
        ("everything percent-encoded".to_owned(), percent(&|_| false, true)),
        ("form".to_owned(), form.clone()),
        ("form, lower".to_owned(), percent(&component, false).replace("%20", "+")),
        ("serde_json".to_owned(), serde_json::to_string(secret).unwrap().trim_matches('"').to_owned()),
        ("PHP's json_encode".to_owned(), unicode.clone()),
        ("PHP's json_encode, upper".to_owned(), unicode.replace("\\u00e", "\\u00E")),
        ("HTML".to_owned(), secret.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#039;")),
        ("a URL in JSON".to_owned(), form.replace('/', "\\/")),
        ("twice percent-encoded".to_owned(), percent(&strict, true).replace('%', "%25")),
    ];
    for before in ["", "u", "us", "use", "user:", "user@example.dk:"] {
        for after in ["", "x", "xy", ":x"] {
            let text = format!("{before}{secret}{after}");
            for (alphabet, encoded) in [
                ("standard", STANDARD.encode(&text)),
                ("standard without padding", STANDARD_NO_PAD.encode(&text)),
                ("URL-safe", URL_SAFE.encode(&text)),
                ("URL-safe without padding", URL_SAFE_NO_PAD.encode(&text)),
                ("in JSON", STANDARD.encode(&text).replace('/', "\\/")),
                ("in a URL", STANDARD.encode(&text).replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")),
            ] {
                all.push((format!("base64 {alphabet}, {before:?} before, {after:?} after"), encoded));
            }
        }
    }
    all
}

#[test]
fn secrets_are_found_in_every_encoding() {
    for secret in [
        "s3cr",
        "correct-horse-battery-staple",
        "whsec_a/b+c=d==",
        "p&ss \"w'rd\" 100%",
        "kørekort Å 🚗 ~!*()",
        "a+b c/d?e=f",
        "back\\slash\ttab",
    ] {
        let redactor = redactor(&[secret]);
        for (encoding, encoded) in encodings(secret) {
            let text = format!("before {encoded} after");
            let redacted = redactor.redact(&text);
            assert!(redacted.contains(MASK), "{secret:?} in {encoding}: {text:?} became {redacted:?}");
            assert!(redacted.starts_with("before ") && redacted.ends_with(" after"), "{encoding}: {redacted:?}");
            if !encoding.starts_with("base64") {
                assert_eq!(redacted, "before [redacted] after", "{secret:?} in {encoding}: {text:?}");
            } else {
                // Characters that also hold bits of neighbouring bytes may remain.
                let remaining = redacted.len() - "before [redacted] after".len();
                assert!(remaining <= 32, "{encoding}: {redacted:?}");
                assert!(redactor.redact(&redacted) == redacted, "redaction is not stable: {redacted:?}");
            }
        }
    }
}

#[test]
fn overlapping_secrets_are_masked_completely() {
    for (case, secrets, text, redacted) in [
        ("one inside the other", &["secret", "secret-long"][..], "a secret-long b", "a [redacted] b"),
        ("one after the other", &["abcdef", "defghi"], "x abcdefghi x", "x [redacted] x"),
        ("side by side", &["abcdef", "ghijkl"], "abcdefghijkl", "[redacted]"),
        ("the same twice", &["abcd"], "abcd abcd", "[redacted] [redacted]"),
        ("overlapping itself", &["abab"], "xabababx", "x[redacted]x"),
        ("white space around it", &[" abcd\n"], "(abcd)", "([redacted])"),
        ("between multi-byte letters", &["ørsted"], "æørstedø", "æ[redacted]ø"),
    ] {
        assert_eq!(redactor(secrets).redact(text), redacted, "{case}");
    }
}

#[test]
fn short_texts_are_not_secrets() {
    let redactor = Redactor::default();
    assert!(!redactor.register("200"));
    assert!(!redactor.register(" a \n"));
    assert_eq!(redactor.redact("status 200"), "status 200");
}

#[test]
fn clones_share_their_secrets() {
    let redactor = Redactor::default();
    redactor.clone().register("late-secret");
    assert_eq!(redactor.redact("late-secret"), MASK);
    assert!(!format!("{redactor:?}").contains("late"));
}

#[test]
fn secrets_are_masked_by_position() {
    for (case, text, redacted) in [
        ("userinfo", "GET https://user:pa:ss@host/x@y", "GET https://[redacted]@host/x@y"),
        ("user alone", "https://user@host", "https://[redacted]@host"),
        ("no userinfo", "https://host/a@b?x=1", "https://host/a@b?x=1"),
        ("userinfo in PHP's JSON", r#"{"u":"https:\/\/a:b@host\/"}"#, r#"{"u":"https:\/\/[redacted]@host\/"}"#),
        ("a signed URL", "/verify?expires=1&signature=ab12#top", "/verify?expires=1&signature=[redacted]#top"),
        (
            "names of several words",
            "?access_token=a&api-key=b&X-Sig=c",
            "?access_token=[redacted]&api-key=[redacted]&X-Sig=[redacted]",
        ),
        ("camel case", "?apiKey=abc&clientSecret=d", "?apiKey=[redacted]&clientSecret=[redacted]"),
        ("an authorization code", "/callback?code=abc&state=xyz", "/callback?code=[redacted]&state=xyz"),
        ("everyday words", "?postcode=8000&keyboard=da&page=2", "?postcode=8000&keyboard=da&page=2"),
        ("a form", "email=a@b.dk&password=x y", "email=a@b.dk&password=[redacted] y"),
        ("a nested field", "?user[password]=abc", "?user[password]=[redacted]"),
        ("a link in HTML", r#"<a href="/x?a=1&amp;token=abc">"#, r#"<a href="/x?a=1&amp;token=[redacted]">"#),
        ("a URL in a URL", "/login?next=%2Fx%3Ftoken%3Dabc%26a%3D1", "/login?next=%2Fx%3Ftoken%3D[redacted]%26a%3D1"),
        ("a JSON member", r#"{"token": "a\"b", "id": 7}"#, r#"{"token": "[redacted]", "id": 7}"#),
        ("a cut JSON member", r#"{"password":"abc"#, r#"{"password":"[redacted]"#),
        ("an ordinary JSON member", r#"{"code":"E1","key":"a"}"#, r#"{"code":"E1","key":"a"}"#),
        ("empty", "", ""),
    ] {
        let redactor = Redactor::default();
        assert_eq!(redactor.redact(text), redacted, "{case}");
        assert_eq!(redactor.redact(redacted), redacted, "{case}, twice");
    }
}

#[test]
fn credential_headers_show_only_their_name() {
    let redactor = redactor(&["canary-secret"]);
    let mut marked = HeaderValue::from_static("abc");
    marked.set_sensitive(true);
    for (name, value, evidence) in [
        (AUTHORIZATION, HeaderValue::from_static("Bearer x"), "authorization: [redacted]"),
        (COOKIE, HeaderValue::from_static("a=b"), "cookie: [redacted]"),
        (SET_COOKIE, HeaderValue::from_static("session=b; Path=/"), "set-cookie: [redacted]"),
        (HeaderName::from_static("x-key"), marked, "x-key: [redacted]"),
        (HeaderName::from_static("server"), HeaderValue::from_static("nginx"), "server: nginx"),
        (HeaderName::from_static("x-echo"), HeaderValue::from_static("canary-secret!"), "x-echo: [redacted]!"),
    ] {
        assert_eq!(redactor.header(&name, &value), evidence);
    }
}

#[test]
fn tokens_in_pages_are_masked_by_position() {
    let redactor = Redactor::default();
    for (page, expected) in [
        (
            r#"<input type="hidden" name="_token" value="abc">"#,
            r#"<input type="hidden" name="_token" value="[redacted]">"#,
        ),
        ("<input value='abc' name='_token'>", "<input value='[redacted]' name='_token'>"),
        ("<INPUT NAME=_token VALUE=abc id=x>", "<INPUT NAME=_token VALUE=[redacted] id=x>"),
        (r#"<meta name="csrf-token" content="abc" />"#, r#"<meta name="csrf-token" content="[redacted]" />"#),
        (r#"<input name="_token" value="ab"#, r#"<input name="_token" value="[redacted]"#),
        (r#"<input name="email" value="abc">"#, r#"<input name="email" value="abc">"#),
        (r#"<input name="_token" value="">"#, r#"<input name="_token" value="">"#),
        ("<b <input name=_token value=abc>", "<b <input name=_token value=[redacted]>"),
        ("<i name=q value=abc <i name=_token value=abc>", "<i name=q value=abc <i name=_token value=[redacted]>"),
        (
            "<i name=_token value=abc <i value=abc name=_token content=abc <i name=token content=abc",
            "<i name=_token value=[redacted] <i value=[redacted] name=_token content=abc <i name=token content=[redacted]",
        ),
        ("<", "<"),
    ] {
        assert_eq!(redactor.redact(page), expected);
    }
}

#[test]
fn scoped_redactor_keeps_its_secrets_to_itself() {
    let outer = Redactor::default();
    let scoped = outer.scoped();
    outer.register("of the process");
    scoped.register("of the attempt");
    let text = "of the process, of the attempt";
    assert_eq!(scoped.redact(text), "[redacted], [redacted]");
    assert_eq!(outer.redact(text), "[redacted], of the attempt");
    outer.register("registered later");
    assert_eq!(scoped.redact("registered later"), "[redacted]");
}

#[test]
fn repeated_parts_take_linear_time() {
    // Sixteen times the window of an excerpt.
    for part in [
        "<!--",
        "<x name=token ",
        "<x name=token value='",
        "?key=",
        "://",
        "\":",
        "{\"token\":\"",
        "=",
        "%3C",
        "\\u003c",
    ] {
        let started = std::time::Instant::now();
        let text = part.repeat(256 * 1024 / part.len());
        assert!(!Redactor::default().redact(&text).is_empty());
        let took = started.elapsed();
        // Quadratic time would take minutes.
        assert!(took < std::time::Duration::from_secs(20), "{part}: {took:?}");
    }
}
