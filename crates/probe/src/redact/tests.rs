mod encodings;
mod properties;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    for secret in secrets {
        assert!(redactor.register(secret), "{secret} was not registered");
    }
    redactor
}

/// Redacts a text with one secret.
fn redact(secret: &str, text: &str, cut: Cut) -> String {
    Redact::redact(&redactor(&[secret]), text, cut)
}

const CUT_START: Cut = Cut { start: true, end: false };
const CUT_BOTH: Cut = Cut { start: true, end: true };

#[test]
fn secrets_are_found_in_every_encoding() {
    for secret in [
        "s3cr",
        "correct-horse-battery-staple",
        "whsec_a/b+c=d==",
        "p&ss \"w'rd\" 100%",
        "hunter2-Ærø/secret+pass",
        "kørekort Å 🚗 ~!*()",
        "a+b c/d?e=f",
        "back\\slash\ttab",
    ] {
        let redactor = redactor(&[secret]);
        for (encoding, encoded) in encodings::all(secret) {
            for (before, after) in [("", ""), ("", " after"), ("before ", ""), ("before ", " after"), ("(", ")")] {
                let text = format!("{before}{encoded}{after}");
                let expected = format!("{before}{MASK}{after}");
                assert_eq!(redactor.redact(&text), expected, "{secret:?} in {encoding}: {text:?}");
            }
        }
    }
}

#[test]
fn secrets_are_found_in_two_nested_encodings() {
    for secret in ["hunter2-Ærø/secret+pass", "p&ss \"w'rd\" 100%", "back\\slash"] {
        let redactor = redactor(&[secret]);
        for (inner, spell) in encodings::SINGLE {
            for (outer, wrap) in encodings::SINGLE {
                let encoded = encodings::spelled(&encodings::spelled(secret, *spell), *wrap);
                let redacted = redactor.redact(&format!("before {encoded} after"));
                assert_eq!(redacted, "before [redacted] after", "{inner} in {outer}: {encoded:?}");
            }
        }
    }
}

#[test]
fn base64_is_found_at_any_offset() {
    for secret in ["s3cr", "hunter2-Ærø/secret+pass", "correct-horse-battery-staple"] {
        let redactor = redactor(&[secret]);
        for before in ["", "u", "us", "use", "user:", "user@example.dk:"] {
            for after in ["", "x", "xy", ":x"] {
                for (charset, bytes) in encodings::charsets(secret) {
                    let bytes = [before.as_bytes(), &bytes, after.as_bytes()].concat();
                    for (alphabet, encoded) in encodings::base64(&bytes) {
                        for glued in ["", "a", "/b", "abc"] {
                            let redacted = redactor.redact(&format!("before {glued}{encoded} after"));
                            let case = format!("{charset}, {alphabet}, {before:?}, {after:?}, {glued:?}: {redacted:?}");
                            assert!(redacted.contains(MASK), "{case}");
                            assert!(redacted.starts_with("before ") && redacted.ends_with(" after"), "{case}");
                            // Only the letters of other bytes remain, and padding.
                            let remaining = redacted.len() - "before [redacted] after".len();
                            let others = 4 * (before.len() + after.len()).div_ceil(3) + glued.len() + 16;
                            assert!(remaining <= others, "{case}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn remains_of_a_cut_secret_are_masked() {
    for (case, secret, text, cut, redacted) in [
        ("a beginning at the end", "correct-horse", "a corr", Cut::END, "a [redacted]"),
        ("too short a beginning", "correct-horse", "a cor", Cut::END, "a cor"),
        ("an end at the start", "correct-horse", "orse b", CUT_START, "[redacted] b"),
        ("too short an end", "correct-horse", "rse b", CUT_START, "rse b"),
        ("both", "correct-horse", "horse correct", CUT_BOTH, "[redacted] [redacted]"),
        ("a whole text", "correct-horse", "horse correct", Cut::NONE, "horse correct"),
        ("the wrong ends", "correct-horse", "correct horse", CUT_BOTH, "correct horse"),
        ("other case", "correct-horse", "a CORRECT", Cut::END, "a [redacted]"),
        ("inside a percent escape", "hunter-Ærø", "a hunter-%C3%8", Cut::END, "a [redacted]"),
        ("before the digits", "hunter-Ærø", "a hunter-%", Cut::END, "a [redacted]"),
        ("after a percent sign", "hunter-Ærø", "C3%86r%C3%B8 b", CUT_START, "[redacted] b"),
        ("inside an escape of Latin-1", "hunter-Ærø", "6r%F8! b", CUT_START, "6r%F8! b"),
        ("inside a longer one", "hunter-Ærøskøbing", "6r%F8sk%F8bing b", CUT_START, "[redacted] b"),
        ("inside an entity", "hunter-Ærø", "a hunter&#45;&AEl", Cut::END, "a [redacted]"),
        ("at an ampersand", "hunter-Ærø", "a hunter-&", Cut::END, "a [redacted]"),
        ("in the rest of an entity", "hunter-Ærøskøbing", "lig;r&oslash;sk&oslash;bing b", CUT_START, "[redacted] b"),
        ("inside a JSON escape", "hunter-Ærø", r"a hunter-\u00", Cut::END, "a [redacted]"),
        ("at a backslash", "hunter-Ærø", r"a hunter-\", Cut::END, "a [redacted]"),
        ("in the rest of a JSON escape", "hunter-Ærøskøbing", r"0c6r\u00f8sk\u00f8bing b", CUT_START, "[redacted] b"),
        ("between backslashes", r"abc\\Æ A+", r"\\\\u00c6 A+ b", CUT_START, "[redacted] b"),
        ("between surrogates", "car-🚗-key", r"a car-\ud83d\ude", Cut::END, "a [redacted]"),
        ("after a surrogate", "car-🚗-key", r"ude97-key b", CUT_START, "[redacted] b"),
        ("inside two encodings", "hunter-Ærø", "a hunter-%26AEl", Cut::END, "a [redacted]"),
        ("hexadecimal digits", "correct-horse", "a 636f727265637", Cut::END, "a [redacted]"),
        ("the rest of hexadecimal digits", "correct-horse", "d686f727365 b", CUT_START, "[redacted] b"),
        ("Base64", "correct-horse", "a Y29ycmVj", Cut::END, "a [redacted]"),
        ("the rest of Base64", "correct-horse", "vcnJlY3QtaG9yc2U= b", CUT_START, "[redacted]= b"),
        ("Base64 in a URL", "p>>>>-horse?", "a cD4%2BPj4taG9yc2U%", Cut::END, "a [redacted]"),
        ("an interrupted secret", "correct-horse", "a cor\u{ad}re\nct", Cut::END, "a [redacted]"),
        ("before no escape", "correct-horse", r"a correct-\q b", Cut::END, r"a correct-\q b"),
        ("before no digits", "correct-horse", r"a correct-\u12g4", Cut::END, r"a correct-\u12g4"),
        ("before too many digits", "correct-horse", r"a correct-\u{0000000", Cut::END, r"a correct-\u{0000000"),
        ("before a sign", "correct-horse", r"a correct-\u{12z", Cut::END, r"a correct-\u{12z"),
        ("before a low surrogate", "correct-horse", r"a correct-\udc00", Cut::END, r"a correct-\udc00"),
        ("a surrogate in a URL", "car-🚗-key", "a car-%5Cud83d", Cut::END, "a [redacted]"),
        ("and a backslash", "car-🚗-key", "a car-%5Cud83d%5C", Cut::END, "a [redacted]"),
        ("and a part of the other", "car-🚗-key", "a car-%5Cud83d%5Cude9", Cut::END, "a [redacted]"),
        ("and a sign", "car-🚗-key", "a car-%5Cud83d%5Cudez", Cut::END, "a car-%5Cud83d%5Cudez"),
        ("and a letter", "car-🚗-key", "a car-%5Cud83d%5Cu0041", Cut::END, "a car-%5Cud83d%5Cu0041"),
        ("before no percent escape", "correct-horse", "a correct-%2g", Cut::END, "a correct-%2g"),
        ("before no percent digit", "correct-horse", "a correct-%g", Cut::END, "a correct-%g"),
        ("in an interrupting character", "correct-horse", "a corre%C2", Cut::END, "a [redacted]"),
        ("before another byte", "correct-horse", "a corre%FFx", Cut::END, "a corre%FFx"),
        ("before another character", "correct-horse", "a corre%C3%A9%E2", Cut::END, "a corre%C3%A9%E2"),
        ("after a long word", "correct-horse", "abcdefghijklmno-horse b", CUT_START, "abcdefghijklmno-horse b"),
        (
            "after the longest entity",
            "∳-correct-horse",
            "CounterClockwiseContourIntegral;-correct-horse b",
            CUT_START,
            "[redacted] b",
        ),
        ("before no entity", "correct-horse", "a correct-&q b", Cut::END, "a correct-&q b"),
    ] {
        assert_eq!(redact(secret, text, cut), redacted, "{case}");
    }
}

#[test]
fn escapes_in_cut_base64_are_decoded() {
    let redacted = |rest: &[u8]| {
        let encoded = STANDARD_NO_PAD.encode([b"hunter%2D", rest].concat());
        redact("hunter-Ærø", &encoded, Cut::END)
    };
    for (case, rest, is_masked) in [
        ("the cut is after an escape", &b""[..], true),
        ("in an escape", b"%C", true),
        ("in a character", b"\xf0\x9f\x9a", true),
        ("after other bytes", b"\xf0\x9f\x9a\xff", false),
        ("after many other bytes", &[0xff; 20], false),
    ] {
        assert_eq!(redacted(rest).starts_with(MASK), is_masked, "{case}");
    }
}

#[test]
fn remains_of_escapes_in_cut_base64_are_skipped() {
    for (case, before, is_masked) in [
        ("an escape", &b"D"[..], true),
        ("a character", b"\x9a\x97D", true),
        ("other bytes", b"\xff\xff\xff\xff", false),
    ] {
        let encoded = STANDARD_NO_PAD.encode([before, b"correct%2Dhorse"].concat());
        let redacted = redact("a-correct-horse", &encoded, CUT_START);
        assert_eq!(redacted.starts_with(MASK), is_masked, "{case}: {redacted}");
    }
}

#[test]
fn invisible_characters_of_a_secret_may_be_missing() {
    assert_eq!(redact("correct \u{ad}horse", "a correct horse b", Cut::NONE), "a [redacted] b");
}

#[test]
fn spaces_of_a_secret_may_be_other_white_space() {
    let redactor = Redactor::default();
    assert!(redactor.register("correct horse  battery staple"));
    for space in [" ", "  ", "\n", "\r\n    ", "\t", "\u{b}", "\u{a0}", "\u{2028} ", "\\n", "%0A", "&#10;", "+", "%20"]
    {
        let text = format!("({})", ["correct", "horse", "battery", "staple"].join(space));
        assert_eq!(redactor.redact(&text), "([redacted])", "{space:?}");
    }
    let wrapped = "correct\nhorse\nbattery";
    assert_eq!(Redact::redact(&redactor, wrapped, Cut::END), "[redacted]");
    assert_eq!(redactor.redact("a correct\nhorse, a battery"), "a correct\nhorse, a battery");
}

#[test]
fn secrets_interrupted_by_escapes_are_found() {
    for escape in [r"\0", r"\b", r"\f", r"\n", r"\r", r"\t", r"\v"] {
        let text = format!("a correct-{escape}horse b");
        assert_eq!(redact("correct-horse", &text, Cut::NONE), "a [redacted] b", "{escape}");
    }
}

#[test]
fn parts_of_a_secret_in_several_texts_are_not_joined() {
    for text in ["Y29ycmVjdC1o b3JzZQ", "636f7272656374 2d686f727365"] {
        assert_eq!(redact("correct-horse", text, Cut::NONE), text);
    }
}

#[test]
fn encodings_nested_too_deeply_are_not_found() {
    let base64 = |text: String| STANDARD_NO_PAD.encode(text);
    let secret = "correct-horse-battery-staple";
    let twice = base64(base64(secret.to_owned()));
    assert_eq!(redact(secret, &twice, Cut::NONE), MASK);
    let thrice = base64(twice);
    assert_eq!(redact(secret, &thrice, Cut::NONE), thrice);
    let escaped = "correct%25252Dhorse";
    assert_eq!(redact("correct-horse", escaped, Cut::NONE), escaped);
}

#[test]
fn long_secrets_are_found_by_their_ends() {
    let secret: String = (10..160).map(|i: u32| format!("{:02x}", i * i * i % 251)).collect();
    let (start, end) = (&secret[..100], &secret[200..]);
    for (case, text, cut, redacted) in [
        ("whole", format!("a {secret} b"), Cut::NONE, "a [redacted] b"),
        ("only its start", format!("a {start}"), Cut::NONE, "a [redacted]"),
        ("only its end", format!("{end} b"), Cut::NONE, "[redacted] b"),
        ("a shorter start", format!("a {}", &secret[..20]), Cut::END, "a [redacted]"),
        ("a shorter end", format!("{} b", &secret[280..]), CUT_START, "[redacted] b"),
    ] {
        assert_eq!(redact(&secret, &text, cut), redacted, "{case}");
    }
    for (encoding, encoded) in encodings::all(&secret) {
        assert_eq!(redact(&secret, &format!("a {encoded} b"), Cut::NONE), "a [redacted] b", "{encoding}");
    }
}

#[test]
fn secrets_are_found_in_host_names() {
    for (secret, host) in [
        ("CaseSensitive", "casesensitive.example"),
        ("hunter2-Ærø", "xn--hunter2-r-n3a3r.example"),
        ("a.Ærø.key", "a.xn--r-3fa9c.key.example"),
    ] {
        let url = url::Url::parse(&format!("https://{secret}.example/")).unwrap();
        assert_eq!(url.host_str(), Some(host));
        assert_eq!(redact(secret, url.as_str(), Cut::NONE), "https://[redacted].example/");
    }
}

#[test]
fn accents_are_found_as_one_character_and_as_several() {
    let (composed, decomposed) = ("g\u{e5}rd-\u{c9}n-99", "ga\u{30a}rd-E\u{301}n-99");
    for secret in [composed, decomposed] {
        for found in [composed, decomposed] {
            for text in [found.to_owned(), found.to_uppercase(), found.to_lowercase()] {
                for (encoding, encoded) in encodings::all(&text) {
                    let redacted = redact(secret, &format!("a {encoded} b"), Cut::NONE);
                    assert_eq!(redacted, "a [redacted] b", "{secret} as {text} in {encoding}");
                }
            }
        }
    }
}

#[test]
fn bytes_read_in_the_wrong_encoding_are_masked() {
    let header = HeaderValue::from_bytes(b"hunter2-\xc6r\xf8/secret").unwrap();
    let redactor = redactor(&["hunter2-Ærø/secret"]);
    assert_eq!(header_line("x-echo", &header).admit(&redactor, 200), "x-echo: [redacted]");
}

#[test]
fn strength_depends_on_the_length() {
    let redactor = Redactor::default();
    for (secret, strength) in [
        ("", Strength::Unmasked),
        (" abc ", Strength::Unmasked),
        ("abcd", Strength::Short),
        ("æøå", Strength::Short),
        ("abcdefg", Strength::Short),
        ("abcdefgh", Strength::Strong),
    ] {
        assert_eq!(redactor.enroll(secret), strength, "{secret:?}");
    }
}

#[test]
fn too_many_secrets_mask_everything() {
    let redactor = Redactor::default();
    let scoped = redactor.scoped();
    for number in 0..MAX_SECRETS {
        redactor.register(&format!("secret number {number}"));
        redactor.register("the same secret again");
    }
    assert!(redactor.is_full() && scoped.is_full());
    assert_eq!(scoped.redact("harmless"), MASK);
    for number in 0..MAX_SECRETS {
        redactor.register(&format!("another secret number {number}"));
    }
    assert_eq!(redactor.known().secrets.len(), MAX_SECRETS + 1, "no memory is used beyond the limit");
    let redactor = Redactor::default();
    for number in 0..MAX_SECRETS {
        redactor.register(&format!("secret number {number}"));
    }
    assert!(!redactor.is_full());
    assert_eq!(redactor.redact("a secret number 511 b"), "a [redacted] b");
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
        ("the end of the other", &["cret", "secret"], "a secret b", "a [redacted] b"),
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
    assert_eq!(format!("{redactor:?}"), "Redactor { .. }");
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
        assert_eq!(header_line(name.as_str(), &value).admit(&redactor, 200), evidence);
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
        ("<input name=_csrf value=abc>", "<input name=_csrf value=[redacted]>"),
        ("<meta name=csrf content=abc>", "<meta name=csrf content=[redacted]>"),
        (
            "<i wire:snapshot='{&quot;checksum&quot;:&quot;abc&quot;}'>",
            "<i wire:snapshot='{&quot;checksum&quot;:&quot;[redacted]&quot;}'>",
        ),
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
        (
            r#"<meta name="csrf-token" value="" content="abc">"#,
            r#"<meta name="csrf-token" value="" content="[redacted]">"#,
        ),
        (
            "some text before the first one: <i name=q value=abc <i name=_token value=abc>",
            "some text before the first one: <i name=q value=abc <i name=_token value=[redacted]>",
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
    let many = Redactor::default();
    for number in 0..MAX_SECRETS / 2 {
        many.register(&"a".repeat(MIN_LENGTH + number));
        many.register(&format!("{number}-%&\\æ"));
    }
    let shapes = ["<!--", "<x name=token ", "<x name=token value='", "?key=", "://", "\":", "{\"token\":\"", "="];
    let escapes = ["%", "%3C", "\\", "\\u003c", "&", "&AElig;", "&aaaaaaaa", "æ", "\u{ad}"];
    // Up to sixteen times the window of an excerpt.
    check_time(&Redactor::default(), 256 * 1024, &[&shapes[..], &escapes].concat());
    check_time(&many, 64 * 1024, &[&["a", "QUFB", "61"][..], &escapes].concat());
}

fn check_time(redactor: &Redactor, length: usize, parts: &[&str]) {
    for part in parts {
        let started = std::time::Instant::now();
        let text = part.repeat(length / part.len());
        assert!(!Redact::redact(redactor, &text, CUT_BOTH).is_empty());
        let took = started.elapsed();
        // Quadratic time would take minutes.
        assert!(took < std::time::Duration::from_secs(20), "{part}: {took:?}");
    }
}

#[test]
fn credential_without_a_separator_is_masked_whole() {
    let shown = |line: &[u8]| odd_line(line, 100).admit(&Redactor::default(), 100).to_string();
    assert_eq!(shown(b"csrf5f2d"), "[redacted]");
    assert_eq!(shown(b"csrf: 5f2d"), "csrf: [redacted]");
    assert_eq!(shown(b"csrf 5f2d"), "csrf [redacted]");
    assert_eq!(shown(b"a stray line"), "a stray line");
}
