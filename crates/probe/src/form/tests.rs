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

#[test]
fn inputs_are_those_that_a_browser_sends() {
    let page = "<form method=post><input type=hidden name=_token value=t><input type=hidden name=tenant value='a &amp; b'>\
                <input type=hidden name=trap><input name=email value=me><input type=password name=password>\
                <input type=checkbox name=remember><input type=checkbox name=terms checked>\
                <input type=radio name=role value=1><input type=radio name=role value=2 checked>\
                <input name=off value=1 disabled><input type=submit name=go value=Go><input type=file name=photo>\
                <button name=action value=in>In</button></form><input type=hidden name=outside value=1>";
    let form = read(&response(200, page), &Wanted::with_token("_token")).unwrap();
    let inputs: Vec<(&str, &str)> = form.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected =
        [("tenant", "a & b"), ("trap", ""), ("email", "me"), ("password", ""), ("terms", "on"), ("role", "2")];
    assert_eq!(inputs, expected);

    let long = format!("<form><input name=_token value=t><input name=state value={}>", "x".repeat(MAX_VALUES));
    let response = response(200, long.leak());
    let refused = read(&response, &Wanted::with_token("_token")).unwrap_err();
    assert_eq!(shown(refused, &response).actual, format!("{} bytes", MAX_VALUES + "state".len()));
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
    const TOKEN: &str = "<input name=password><input name=_token value=a></form>";
    for (start, expected) in [
        ("<form method=post>", Ok("a")),
        ("<form method=post action=http://a.dk/login>", Ok("a")),
        ("<base href=https://a.dk/x/><form method=post action=login>", Ok("a")),
        (
            "<form action=/login>",
            Err("a form whose method is not POST, so that browsers put the password into the URL"),
        ),
        ("<form method=post action=https://evil.example/>", Err("a form that is sent to another host, evil.example")),
        (
            "<base href=https://cdn.example/><form method=post action=login>",
            Err("a form that is sent to another host, cdn.example"),
        ),
        (
            "<form method=post><fieldset disabled><fieldset></fieldset>",
            Err("a disabled _token, which browsers do not send"),
        ),
        ("<form method=post><fieldset disabled></fieldset><fieldset>", Ok("a")),
        ("<form method=post><input name=_token value=b disabled>", Ok("a")),
        (
            "<meta name=csrf-token content=b><form method=post><input name=password></form><p>",
            Err("a form with password"),
        ),
        ("<script></script><!--", Err("no form")),
    ] {
        let mut response = response(200, format!("{start}{TOKEN}").leak());
        response.url = "https://a.dk/sign-in".parse().unwrap();
        let wanted = Wanted { is_sent_by_browser: true, ..Wanted::with_token("_token") };
        let form = log_in_form(&response, &wanted).map_err(|mismatch| shown(mismatch, &response).actual.to_string());
        let token = form.as_ref().map(|form| form.as_ref().unwrap().token.expose_secret()).map_err(String::as_str);
        assert_eq!(token, expected, "{start}");
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
