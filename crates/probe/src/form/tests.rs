use http::header::CONTENT_TYPE;
use secrecy::ExposeSecret;

use super::*;
use crate::expect::tests::{response, shown};

#[test]
fn token_is_found_as_in_a_browser() {
    for (case, page, found) in [
        ("as Laravel renders it", r#"<form><input type="hidden" name="_token" value="abc123"></form>"#, "abc123"),
        ("another order, other quotes", "<form><input value='abc' type=hidden name=_token></form>", "abc"),
        ("upper case", r#"<FORM><INPUT NAME="_token" VALUE="abc"></FORM>"#, "abc"),
        ("entities", r#"<form><input name="_token" value="a&amp;b&#x2f;"></form>"#, "a&b/"),
        (
            "the first non-empty value",
            r#"<form><input name="_token" value=""></form><form><input name="_token" value="b"></form>"#,
            "b",
        ),
        ("a page without an end", r#"<form><p><input name="_token" value="abc">"#, "abc"),
        ("in a table", r#"<table><form><tr><td><input name="_token" value="abc"></table>"#, "abc"),
        ("in a form within a form", r#"<form><form><input name="_token" value="abc"></form></form>"#, "abc"),
        ("tied to its form", "<form id=f></form><p><input name=_token value=abc form=f>", "abc"),
        ("tied before its form", "<input name=_token value=abc form=f><form id=f></form>", "abc"),
        (
            "the form with the password",
            "<form><input name=_token value=a></form><form><input name=password><input name=_token value=abc></form>",
            "abc",
        ),
        (
            "the first of two with a password",
            "<form><input name=password></form><form><input name=password><input name=_token value=abc></form>",
            "abc",
        ),
        (
            "the meta tag next to another form's token",
            "<meta name=csrf-token content=abc><form><input name=_token value=a></form><form><input name=password></form>",
            "abc",
        ),
        ("the meta tag", r#"<meta name="csrf-token" content="abc"><form></form>"#, "abc"),
    ] {
        let response = response(200, page);
        let form = read(&response, &Wanted::with_token("_token")).unwrap();
        assert_eq!(form.token.expose_secret(), found, "{case}");
    }
    let response = response(200, r#"<form><input name="_token" value="abcdefgh">"#);
    read(&response, &Wanted::with_token("_token")).unwrap();
    assert_eq!(response.redactor.redact("it is abcdefgh"), "it is [redacted]");
}

#[test]
fn form_is_chosen_by_its_action() {
    let page = "<form action=/search><input name=_token value=a></form>\
                <form action='https://a.dk/student/login?next=1'><input name=_token value=b></form>\
                <form method=post><input name=password><input name=_token value=c></form>";
    for (action, found) in [
        ("/student/login", Ok("b")),
        ("/search", Ok("a")),
        ("/api/me", Ok("c")),
        ("/teacher/login", Err("forms with the actions /search, /student/login, /api/me")),
    ] {
        let mut response = response(200, page);
        response.url = "http://a.dk/api/me".parse().unwrap();
        let action = response.url.join(action).unwrap();
        let wanted = Wanted { action: Some(&action), ..Wanted::with_token("_token") };
        let form = read(&response, &wanted).map_err(|mismatch| shown(mismatch, &response).actual.to_string());
        let token = form.as_ref().map(|form| form.token.expose_secret()).map_err(String::as_str);
        assert_eq!(token, found, "{action}");
    }
}

#[test]
fn form_that_leads_to_the_log_in_comes_first() {
    let forms = "<form method=post action=login><input name=password><input name=_token value=a></form>\
                 <form method=post action=student/login><input name=password><input name=_token value=b></form>";
    for (head, found) in [("", "b"), ("<base href=/student/>", "a"), ("<base href='https://a.dk/x/'>", "a")] {
        let mut response = response(200, format!("{head}{forms}").leak());
        response.url = "https://a.dk/sign-in".parse().unwrap();
        let to = "http://a.dk/student/login".parse().unwrap();
        let wanted = Wanted { sent_to: Some(&to), ..Wanted::with_token("_token") };
        assert_eq!(read(&response, &wanted).unwrap().token.expose_secret(), found, "{head}");
    }
}

/// What a browser sends of a form with these elements besides the token, the e-mail address and the password; each pair on its own.
fn sent(elements: &str) -> String {
    let page = format!(
        "<form method=post><input name=email><input name=password type=password>{elements}\
                        <input type=hidden name=_token value=t></form>"
    );
    let form = log_in_form(&response(200, &page), &by_browser()).unwrap();
    let (kind, body) = form_body(form.as_ref(), &[("email", "a@b.dk"), ("password", "p w")]);
    assert_eq!(kind, "application/x-www-form-urlencoded", "{page}");
    let body = String::from_utf8(body).unwrap();
    let others = body.strip_prefix("email=a%40b.dk&password=p+w&").and_then(|rest| rest.strip_suffix("_token=t"));
    others.unwrap_or_else(|| panic!("{body}")).trim_end_matches('&').replace('&', " ")
}

/// The form that a browser sends.
fn by_browser() -> Wanted<'static> {
    Wanted { is_sent_by_browser: true, ..Wanted::with_token("_token") }
}

#[test]
fn fields_are_those_that_a_browser_sends() {
    let long = format!("<input type=hidden name=state value={}>", "x".repeat(1_000));
    let sent_long = format!("state={}", "x".repeat(1_000));
    for (elements, expected) in [
        ("<input type=hidden name=tenant value='a &amp; b'>", "tenant=a+%26+b"),
        ("<input type=hidden name=trap><input value=1><input name='' value=1>", "trap="),
        ("<input type=hidden name=email value=old>", "email=old"),
        ("<input name=q value='a\nb'><input type=hidden name=h value='a\nb'>", "q=ab h=a%0D%0Ab"),
        (
            "<input type=Email name=m value=' a@b.dk '><input type=url name=u value=' http://x '>",
            "m=a%40b.dk u=http%3A%2F%2Fx",
        ),
        ("<input name=t value=' a '><input type=password name=p value=' a '>", "t=+a+ p=+a+"),
        ("<input type=number name=a value=-1.5e3><input type=number name=b value=.5>", "a=-1.5e3 b=.5"),
        ("<input type=number name=a value=abc><input type=number name=b value=+1>", "a= b="),
        ("<input type=number name=a value='1 '><input type=number name=b value=1.>", "a= b="),
        ("<input type=number name=a value=inf><input type=number name=b value=1e999>", "a= b="),
        ("<input type=checkbox name=remember><input type=checkbox name=terms checked>", "terms=on"),
        ("<input type=radio name=role value=1><input type=radio name=role value=2 checked>", "role=2"),
        ("<input type=radio name=role value=1 checked><input type=radio name=role value=2 checked>", "role=2"),
        ("<input name=off value=1 disabled><input name=on value=1 readonly>", "on=1"),
        ("<input type=file name=photo>", "photo="),
        ("<input type=reset name=a value=1><input type=button name=b value=1><button type=button name=c>", ""),
        ("<input type=hidden name=_charset_>", "_charset_=UTF-8"),
        ("<textarea name=note>\na &lt; b\n</textarea>", "note=a+%3C+b%0D%0A"),
        ("<input type=submit name=go value=Go>", "go=Go"),
        ("<button name=action value=in>In</button><button name=action value=up>Up</button>", "action=in"),
        ("<button disabled name=a value=1></button><button name=b value=1></button>", "b=1"),
        ("<button></button><button name=b value=1></button>", ""),
        ("<input type=image name=go><input type=submit name=b>", "go.x=0 go.y=0"),
        ("<input type=image>", "x=0 y=0"),
        ("<select name=role><option value=1>A<option value=2 selected>B</select>", "role=2"),
        ("<select name=role><option value=1 selected>A<option value=2 selected>B</select>", "role=2"),
        ("<select name=role><option disabled>A<option>\n Be &amp;  C \n</option><option>D</select>", "role=Be+%26+C"),
        ("<select name=role><option selected disabled value=''>Choose<option>A</select>", ""),
        ("<select name=role><optgroup disabled><option>A</optgroup><option>B</select>", "role=B"),
        ("<select name=role multiple><option>A<option selected>B<option selected>C</select>", "role=B role=C"),
        ("<select name=role size=3><option>A<option>B</select>", ""),
        ("<select name=role></select><option>A", ""),
        ("<select name=role><button name=b></button><option>A</select>", "role=A"),
        ("<select name=role><option>A<input name=b value=1><option>C", "role=A b=1"),
        (
            "<fieldset disabled><input name=a value=1><legend><input name=b value=1></legend>\
             <legend><input name=c value=1></legend></fieldset><input name=d value=1>",
            "b=1 d=1",
        ),
        (
            "<fieldset disabled><fieldset><legend><input name=a value=1></legend></fieldset></fieldset>\
             <fieldset disabled><legend><fieldset disabled><input name=b value=1></fieldset></legend></fieldset>",
            "",
        ),
        (&long, &sent_long),
    ] {
        assert_eq!(sent(elements), expected, "{elements}");
    }

    let long = format!("<form><input name=_token value=t><input name=state value={}>", "x".repeat(MAX_VALUES));
    let response = response(200, &long);
    let refused = read(&response, &Wanted::with_token("_token")).unwrap_err();
    assert_eq!(shown(refused, &response).actual, format!("{} bytes", MAX_VALUES + "_tokenstate".len()));
}

#[test]
fn body_is_encoded_as_the_form_says() {
    let fields = "<input name=email><input type=password name=password><input type=file name=photo>\
                  <input type=hidden name=_token value=t><input type=hidden name=_charset_>";
    let latin = "email=%E6&password=%26%238364%3B&photo=&_token=t&_charset_=windows-1252";
    let utf_8 = "email=%C3%A6&password=%E2%82%AC&photo=&_token=t&_charset_=UTF-8";
    for (form, charset, expected) in [
        ("<form method=post>", "iso-8859-1", &latin.replace("%26%238364%3B", "%80")[..]),
        (
            "<form method=post accept-charset='x iso-8859-15'>",
            "utf-8",
            &latin.replace("%26%238364%3B", "%A4").replace("windows-1252", "ISO-8859-15"),
        ),
        (
            "<form method=post accept-charset=iso-8859-2>",
            "utf-8",
            "email=%26%23230%3B&password=%26%238364%3B&photo=&_token=t&_charset_=ISO-8859-2",
        ),
        ("<form method=post accept-charset=utf-16>", "iso-8859-1", utf_8),
        ("<form method=post accept-charset='utf-8,iso-8859-1'>", "iso-8859-1", utf_8),
        ("<form method=post accept-charset=unknown,utf-8>", "iso-8859-1", utf_8),
        ("<form method=post enctype=nonsense>", "utf-8", utf_8),
    ] {
        let mut page = response(200, &format!("{form}{fields}"));
        let kind = format!("text/html; charset={charset}");
        page.headers.insert(CONTENT_TYPE, http::HeaderValue::from_str(&kind).unwrap());
        let found = log_in_form(&page, &by_browser()).unwrap();
        let (kind, body) = form_body(found.as_ref(), &[("email", "æ"), ("password", "€")]);
        assert_eq!(
            (kind.as_str(), String::from_utf8(body).unwrap().as_str()),
            ("application/x-www-form-urlencoded", expected),
            "{form}"
        );
    }
    for form in [
        "<form method=post enctype=Multipart/Form-Data>",
        "<form method=post><button formenctype=multipart/form-data></button>",
    ] {
        let found =
            log_in_form(&response(200, &format!("{form}{fields}<input type=hidden name='a\"\n'>")), &by_browser())
                .unwrap();
        let (kind, body) = form_body(found.as_ref(), &[("email", "æ"), ("password", "----JustDrivingSynthetics")]);
        assert_eq!(kind, "multipart/form-data; boundary=----JustDrivingSyntheticsx");
        let part = |name: &str, value: &str| {
            format!(
                "------JustDrivingSyntheticsx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
        };
        let file = "photo\"; filename=\"\"\r\nContent-Type: application/octet-stream";
        let expected = [
            part("email", "æ"),
            part("password", "----JustDrivingSynthetics"),
            part(file, "").replace("octet-stream\"", "octet-stream"),
            part("_token", "t"),
            part("_charset_", "UTF-8"),
            part("a%22%0D%0A", ""),
            "------JustDrivingSyntheticsx--\r\n".to_owned(),
        ];
        assert_eq!(String::from_utf8(body).unwrap(), expected.concat(), "{form}");
    }
    let (kind, body) = form_body(None, &[("email", "æ")]);
    assert_eq!((kind.as_str(), &body[..]), ("application/x-www-form-urlencoded", &b"email=%C3%A6"[..]));
}

#[test]
fn log_in_form_is_needed_unless_a_script_fills_the_page() {
    const UNUSABLE: &str = "bytes without a form, a script, or an element with an id";
    for (page, expected) in [
        ("<div id=app data-page='{}'></div>", Ok(None)),
        ("<script type=module src=/app.js></script>", Ok(None)),
        ("<script src=/app.js></script><form><input name=q></form>", Ok(None)),
        ("<form><input name=secret type=Password></form>", Ok(None)),
        ("<form method=get action=/login><input name=password></form>", Ok(None)),
        ("<form method=post><input name=q></form><form><input name=password></form>", Ok(None)),
        ("<meta name=csrf-token content=a><div id=app></div>", Ok(Some("a"))),
        ("<form><input name=_token value=a></form>", Ok(Some("a"))),
        ("<form><input name=password><input name=_token value=a></form>", Ok(Some("a"))),
        ("<form method=POST><input name=password></form>", Err("a form with password")),
        ("<form id=f method=post></form><input name=password form=f>", Err("a form with password")),
        ("<form><input name=password><input name=_token value=''></form>", Err("an empty _token")),
        ("", Err("a blank page")),
        (" \n", Err("a blank page")),
        ("<h1>Something went wrong</h1>", Err(UNUSABLE)),
        ("<meta name=csrf-token content=a><h1>Whoops</h1>", Err(UNUSABLE)),
        ("<form></form>", Err(UNUSABLE)),
        ("<form><input name=q></form>", Err(UNUSABLE)),
        ("<template><form id=f><script></script></form></template>", Err(UNUSABLE)),
        ("<script type=application/ld+json>{}</script>", Err(UNUSABLE)),
        ("<!-- <script></script> -->", Err(UNUSABLE)),
    ] {
        let mut response = response(200, page);
        let found = log_in_form(&response, &Wanted::with_token("_token"));
        let found = found.map_err(|mismatch| shown(mismatch, &response).actual.to_string());
        match (&found, expected) {
            (Ok(form), Ok(token)) => {
                assert_eq!(form.as_ref().map(|form| form.token.expose_secret()), token, "{page}");
            }
            (Err(actual), Err(expected)) => assert!(actual.ends_with(expected), "{page}: {actual}"),
            _ => panic!("{page}: {found:?}"),
        }
        response.status = StatusCode::NO_CONTENT;
        assert!(log_in_form(&response, &Wanted::with_token("_token")).unwrap().is_none(), "{page}");
    }
}

#[test]
fn form_of_a_browser_is_posted_to_its_own_host() {
    const FIELDS: &str = "<input name=email><input name=password><input name=_token value=a></form>";
    const PLAIN: &str = "a form with the enctype text/plain, which platforms do not read";
    const NOT_POSTED: &str = "a form whose method is not POST, so that browsers put the password into the URL";
    let forbidden = |directive: &str| {
        Err(format!(
            "a form that browsers do not send to https://a.dk/sign-in, by the Content-Security-Policy {directive}"
        ))
    };
    let err = |actual: &str| Err(actual.to_owned());
    for (start, policy, expected) in [
        ("<form method=post>", "", Ok("a")),
        (
            "<form method=post action=http://a.dk/login>",
            "",
            err("a form that browsers do not send without encryption, to http://a.dk/login"),
        ),
        ("<form method=post action=http://a.dk/login>", "upgrade-insecure-requests", Ok("a")),
        ("<base href=https://a.dk/x/><form method=post action=login>", "", Ok("a")),
        ("<base href=https://cdn.example/><form method=post action=''>", "", Ok("a")),
        ("<form action=/login>", "", err(NOT_POSTED)),
        ("<form action=/login><button formmethod=post></button>", "", Ok("a")),
        ("<form method=post><button formmethod=get></button>", "", err(NOT_POSTED)),
        ("<form method=post><button type=button formmethod=get></button>", "", Ok("a")),
        ("<form method=post enctype=text/plain>", "", err(PLAIN)),
        ("<form method=post><input type=submit formenctype=text/plain>", "", err(PLAIN)),
        (
            "<form method=post action=https://evil.example/>",
            "",
            err("a form that is sent to another host, evil.example"),
        ),
        (
            "<form method=post><button formaction=https://evil.example/></button>",
            "",
            err("a form that is sent to another host, evil.example"),
        ),
        ("<form method=post action=https://evil.example/><button formaction=/login></button>", "", Ok("a")),
        (
            "<base href=https://cdn.example/><form method=post action=login>",
            "",
            err("a form that is sent to another host, cdn.example"),
        ),
        (
            "<form method=post><fieldset disabled><fieldset></fieldset>",
            "",
            err("a disabled _token, which browsers do not send"),
        ),
        ("<form method=post><fieldset disabled></fieldset><fieldset>", "", Ok("a")),
        ("<form method=post><input name=_token value=b disabled>", "", Ok("a")),
        (
            "<meta name=csrf-token content=b><form method=post><input name=password></form><p>",
            "",
            err("a form with password"),
        ),
        ("<script></script><!--", "", err("no form")),
        (
            "<form method=post><input name=_token value=a><input name=password></form>",
            "",
            err("a form with _token, password"),
        ),
        (
            "<form method=post><input name=_token value=a><input name=email disabled><input name=password></form>",
            "",
            err("a disabled email, which browsers do not send"),
        ),
        (
            "<form method=post><input name=_token value=a><input name=email type=email>\
             <fieldset disabled><input type=password name=password></fieldset></form>",
            "",
            err("a disabled password, which browsers do not send"),
        ),
        (
            "<form method=post><input name=_token value=a><input name=email type=hidden><input name=password></form>",
            "",
            err("a field email that users cannot fill"),
        ),
        (
            "<form method=post><input name=_token value=a><input name=email readonly><input name=password></form>",
            "",
            err("a field email that users cannot fill"),
        ),
        (
            "<form method=post><input name=_token value=a><input name=email readonly onfocus='this.readOnly=false'>\
             <input name=password></form>",
            "",
            Ok("a"),
        ),
        (
            "<script></script><form method=post><input name=_token value=a><input name=email readonly><input name=password></form>",
            "",
            Ok("a"),
        ),
        ("<form method=post>", "form-action 'self'", Ok("a")),
        ("<form method=post>", "form-action 'none'", forbidden("form-action 'none'")),
        ("<form method=post>", "sandbox allow-scripts", forbidden("sandbox allow-scripts")),
        (
            "<form method=post>",
            "sandbox allow-forms",
            err(
                "a form that browsers send without cookies to https://a.dk/sign-in, by the Content-Security-Policy sandbox \
                 allow-forms",
            ),
        ),
        (
            "<meta http-equiv=Content-Security-Policy content='form-action b.dk'><form method=post>",
            "form-action *",
            forbidden("form-action b.dk"),
        ),
        (
            "<html><head><title>A</title></head><meta http-equiv=Content-Security-Policy content='form-action b.dk'>\
             <body><form method=post>",
            "",
            forbidden("form-action b.dk"),
        ),
        ("<body><meta http-equiv=Content-Security-Policy content='form-action b.dk'><form method=post>", "", Ok("a")),
        ("<p>A</p><meta http-equiv=Content-Security-Policy content='form-action b.dk'><form method=post>", "", Ok("a")),
        ("<form method=post>", "form-action 'none'; report-uri /kør", forbidden("form-action 'none'")),
    ] {
        let mut response = response(200, &format!("{start}{FIELDS}"));
        response.url = "https://a.dk/sign-in".parse().unwrap();
        let policy = http::HeaderValue::from_bytes(policy.as_bytes()).unwrap();
        response.headers.insert("content-security-policy", policy);
        let form = log_in_form(&response, &by_browser()).map_err(|mismatch| shown(mismatch, &response));
        let token = form.as_ref().map(|form| form.as_ref().unwrap().token.expose_secret());
        assert_eq!(token.map_err(|failure| failure.actual.to_string()), expected, "{start}");
        if let Err(failure) = &form {
            assert_eq!(failure.expected, "a form with the hidden field _token and the fields email and password");
        }
    }
}

#[test]
fn form_of_a_browser_is_on_a_page() {
    let page = "<form method=post><input name=email><input name=password><input name=_token value=a></form>";
    let (nosniff, download) =
        (("x-content-type-options", "NoSniff, x"), "a file to download, by its Content-Disposition");
    for (headers, expected) in [
        (vec![("content-type", "text/html")], None),
        (vec![("content-type", "application/xhtml+xml"), nosniff], None),
        (vec![("content-type", "text/html"), ("content-disposition", "inline; filename=a")], None),
        (vec![("x-content-type-options", "none")], None),
        (vec![], None),
        (vec![("content-type", "text/plain")], Some("text/plain")),
        (vec![("content-type", "application/json")], Some("application/json")),
        (vec![("content-type", "application/octet-stream")], Some("application/octet-stream")),
        (vec![("content-type", "text/html"), ("content-disposition", "Attachment ; filename=a")], Some(download)),
        (vec![nosniff], Some("no Content-Type and X-Content-Type-Options: nosniff, so that browsers show the source")),
        (
            vec![("content-type", "html"), nosniff],
            Some("html and X-Content-Type-Options: nosniff, so that browsers show the source"),
        ),
    ] {
        let mut response = response(200, page);
        response.headers.clear();
        for (name, value) in &headers {
            response.headers.insert(*name, value.parse().unwrap());
        }
        let found = log_in_form(&response, &by_browser()).map_err(|mismatch| shown(mismatch, &response));
        let failure = found.err().map(|failure| (failure.kind, failure.actual.to_string()));
        assert_eq!(failure, expected.map(|actual| (FailureKind::Body, actual.to_owned())), "{headers:?}");
    }
}

#[test]
fn form_of_a_browser_leads_to_the_log_in() {
    const FIELDS: &str = "<input name=email><input name=password><input name=_token value=a>";
    for (page, action, sent_to, is_there) in [
        ("https://a.dk/sign-in", "/login", "/login", true),
        ("https://a.dk/sign-in", "https://A.dk:443/x/../login#form", "/login", true),
        ("https://a.dk/sign-in", "/session", "/login", false),
        ("https://a.dk/sign-in", "/login/", "/login", false),
        ("https://a.dk/sign-in", "", "/login", false),
        ("https://a.dk/sign-in", "", "/sign-in", true),
        ("https://a.dk/sign-in", "https://a.dk:8443/login", "/login", false),
        ("https://a.dk/sign-in", "/login?tenant=3", "/login", false),
        ("https://a.dk/sign-in", "/login?tenant=3", "/login?tenant=3", true),
        ("https://a.dk/sign-in", "/login", "/login?tenant=3", false),
        ("http://a.dk/sign-in", "https://a.dk/login", "/login", true),
        ("http://a.dk:8080/sign-in", "https://a.dk/login", "/login", true),
        ("http://a.dk:8080/sign-in", "http://a.dk/login", "/login", false),
        ("http://a.dk/sign-in", "https://a.dk:8443/login", "/login", false),
    ] {
        let by_base = format!("<base href='{action}'><form method=post action='#'>").replace("href=''", "");
        let by_button = format!("<form method=post action=/x><button formaction='{action}'></button>");
        let by_form = format!("<form method=post action='{action}'>");
        for form in [by_form, by_button, by_base] {
            let mut response = response(200, &format!("{form}{FIELDS}</form>"));
            response.url = page.parse().unwrap();
            let to = response.url.join(sent_to).unwrap();
            let found = log_in_form(&response, &Wanted { sent_to: Some(&to), ..by_browser() });
            assert_eq!(found.is_ok(), is_there, "{page}: {form}");
            if let Err(mismatch) = found {
                let actual = shown(mismatch, &response).actual;
                let begin = format!("a form to {action}");
                assert!(actual.starts_with(begin.as_str()) && actual.contains(sent_to), "{actual}");
                assert_eq!(actual.contains("set it to the action"), !action.starts_with("http"), "{actual}");
            }
        }
    }
}

#[test]
fn form_with_the_query_of_the_log_in_comes_first() {
    let form =
        |role| format!("<form action=/login?as={role}><input name=password><input name=_token value={role}></form>");
    let response = response(200, &format!("{}{}", form("teacher"), form("student")));
    for (to, found) in [("/login?as=student", "student"), ("/login?as=teacher", "teacher"), ("/login", "teacher")] {
        let to = response.url.join(to).unwrap();
        for wanted in [
            Wanted { sent_to: Some(&to), ..Wanted::with_token("_token") },
            Wanted { action: Some(&to), ..Wanted::with_token("_token") },
        ] {
            assert_eq!(read(&response, &wanted).unwrap().token.expose_secret(), found, "{to}");
        }
    }
}

#[test]
fn token_of_the_head_is_read() {
    let long = format!("<meta name=csrf-token content={}>", "a".repeat(100_000));
    for (page, expected) in [
        ("<meta name=csrf-token content=abc><div id=app></div>", Ok(Some("abc"))),
        ("<meta name=csrf-token content='a b'>", Err("one of 3 bytes with the character U+0020")),
        ("<meta name=csrf-token content='æ'>", Err("one of 2 bytes with the character U+00E6")),
        ("<meta name=csrf-token content=''>", Ok(None)),
        ("<form><input name=_token value=a></form>", Ok(None)),
        (long.as_str(), Err("one of 100000 bytes")),
    ] {
        let response = response(200, page);
        let token = meta_token(&response).map_err(|mismatch| shown(mismatch, &response).actual.to_string());
        let token = token.as_ref().map(|token| token.as_ref().map(|token| token.expose_secret()));
        assert_eq!(token.map_err(String::as_str), expected, "{page:.60}");
    }
}

#[test]
fn missing_token_lists_the_fields_of_the_form() {
    let input = r#"<input name="_token" value="abc">"#;
    for (case, page, field, actual) in [
        ("no form", "<h1>Hello</h1>".to_owned(), "_token", "no form"),
        ("outside of a form", input.to_owned(), "_token", "no form"),
        (
            "tied to no form",
            "<form id=f></form><input name=_token value=a form=g>".to_owned(),
            "_token",
            "a form without fields",
        ),
        (
            "tied to another form",
            "<form id=f><input name=q><input name=_token value=a form=g></form>".to_owned(),
            "_token",
            "a form with q",
        ),
        ("in a comment", format!("<form><!-- {input} --></form>"), "_token", "a form without fields"),
        ("in a script", format!("<form><script>{input:?}</script></form>"), "_token", "a form without fields"),
        ("in a template", format!("<form><template>{input}</template></form>"), "_token", "a form without fields"),
        ("empty", r#"<form><input name="_token" value=" "></form>"#.to_owned(), "_token", "an empty _token"),
        (
            "other fields",
            r#"<form><input name="email"><input name="q"></form>"#.to_owned(),
            "_token",
            "a form with email, q",
        ),
        ("an odd name", format!("<form>{input}</form>"), "a\"]b[", "a form with _token"),
        ("after its form", format!("<form><input name=q></form>{input}"), "_token", "a form with q"),
        (
            "fields without end",
            format!("<form>{}{input}", "<input name=q>".repeat(1_001)),
            "_token",
            "more than 1000 fields",
        ),
    ] {
        let response = response(200, &page);
        let mismatch = shown(read(&response, &Wanted::with_token(field)).unwrap_err(), &response);
        assert_eq!((mismatch.kind, mismatch.actual.as_str()), (FailureKind::Assertion, actual), "{case}");
    }
    let mut json = response(200, "{}");
    json.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    assert_eq!(read(&json, &Wanted::with_token("_token")).unwrap_err().kind, FailureKind::Body);
}

#[test]
fn script_sends_a_log_in_where_no_policy_forbids_it() {
    const POSTED: &str = "<form method=post><input name=password><input name=_token value=a></form>";
    for (page, policy, is_sent) in [
        ("<div id=app></div>", "connect-src 'self'", true),
        ("<div id=app></div>", "connect-src 'none'", false),
        ("<div id=app></div>", "default-src 'none'", false),
        ("<script></script><form><input name=password></form>", "connect-src b.dk", false),
        ("<meta http-equiv=Content-Security-Policy content='connect-src b.dk'><div id=app></div>", "", false),
        (POSTED, "connect-src 'none'", true),
    ] {
        let mut response = response(200, page);
        response.headers.insert("content-security-policy", http::HeaderValue::from_str(policy).unwrap());
        let to = response.url.join("/api/login").unwrap();
        let found = log_in_form(&response, &Wanted { sent_to: Some(&to), ..Wanted::with_token("_token") });
        assert_eq!(found.is_ok(), is_sent, "{page}: {found:?}");
    }
}

#[test]
fn last_known_policy_tells_if_a_page_withholds_the_referrer() {
    for (headers, page, withholds) in [
        (&[][..], "", false),
        (&["no-referrer"], "", true),
        (&["No-Referrer, unknown"], "", true),
        (&["no-referrer, strict-origin"], "", false),
        (&["origin", "no-referrer"], "", true),
        (&["no-referrer"], "<meta name=referrer content=origin>", false),
        (&["same-origin"], "<p><meta name=Referrer content=never>", true),
        (&["no-referrer"], "<meta name=referrer content=nonsense>", true),
    ] {
        let mut response = response(200, page);
        for header in headers {
            response.headers.append("referrer-policy", http::HeaderValue::from_static(header));
        }
        assert_eq!(withholds_referrer(&response), withholds, "{headers:?} {page}");
    }
}
