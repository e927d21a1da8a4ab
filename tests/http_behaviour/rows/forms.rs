//! Forms, and what is sent of them.

use super::page;
use crate::row::{Ask, NEXT, Row};

/// Text below the table.
pub const NOTE: &str = "\
Each form has fields for an e-mail address, a password and a token. `synthetics` sends it as a check logs in with
`platform.login.encoding = \"form\"`.
";

/// Reason of a form that the platform cannot use.
const IN_VAIN: &str = "the platform cannot read an e-mail address from what Chromium sends, so users cannot log in";

const POST: &str = "method=post";
const HTML: &str = "Content-Type: text/html; charset=utf-8";

pub fn rows() -> Vec<Row> {
    let select = |answer, options: &str, sent: &str| posted(answer, &format!("<select name=a{options}</select>"), sent);
    let boxes = "<input type=checkbox name=a><input type=checkbox name=b checked><input type=radio name=c value=1 \
                 checked><input type=radio name=c value=2 checked><input type=radio name=d value=1>";
    let legend = "<fieldset disabled><legend><input name=a value=1></legend><input name=b value=1></fieldset>";
    let policy =
        |answer, policy: &str| form(answer, &format!("{HTML}\r\nContent-Security-Policy: {policy}"), POST, "", "");
    vec![
        posted("a hidden field with a line break", "<input type=hidden name=a value='1\n2'>", "&a=1%0D%0A2"),
        posted("checkboxes, and two checked radio buttons", boxes, "&b=on&c=2"),
        posted("a field for a file", "<input type=file name=a>", "&a="),
        posted("a `textarea`", "<textarea name=a>\n1 &lt; 2</textarea>", "&a=1+%3C+2"),
        select("a `select` without a selected option", "><option disabled>1<option> 2  3 <option>4", "&a=2+3"),
        select(
            "a `select` with two selected options",
            "><option>1<option selected>2<option selected value=4>3",
            "&a=4",
        ),
        select("a `select` with a selected, disabled option", "><option selected disabled>1<option>2", ""),
        select("a `select` of several options", " multiple><option selected>1<option>2<option selected>3", "&a=1&a=3"),
        posted("a `datalist` with a field", "<datalist><input name=a value=1></datalist>", ""),
        posted("a disabled `fieldset` with a `legend`", legend, "&a=1"),
        posted("a named button", "<button name=a value=1>Log in</button>", "&a=1"),
        posted("two named buttons", "<input type=submit name=a value=1><button name=b>Other</button>", "&a=1"),
        posted("a disabled button before another", "<button name=a disabled></button><button name=b></button>", "&b="),
        posted("a button with a picture", "<input type=image name=a>", "&a.x=0&a.y=0"),
        posted("a hidden field `_charset_`", "<input type=hidden name=_charset_>", "&_charset_=UTF-8"),
        form(
            "a page in Latin-1",
            "Content-Type: text/html; charset=iso-8859-1",
            POST,
            "<input name=a value=&oslash;><input name=b value=&#960;><input type=hidden name=_charset_>",
            "POST with `email=a&password=b&a=%F8&b=%26%23960%3B&_charset_=windows-1252&_token=token`",
        ),
        form(
            "`enctype=multipart/form-data`, with a file",
            HTML,
            "method=post enctype=multipart/form-data",
            "<input type=file name=a>",
            "POST in parts with `email=a&password=b&a=&_token=token`",
        ),
        form("`enctype=text/plain`", HTML, "method=post enctype=text/plain", "", "").because(IN_VAIN),
        form("`formenctype=text/plain`", HTML, POST, "<button formenctype=text/plain>Log in</button>", "")
            .because(IN_VAIN),
        form("`formmethod=post`", HTML, "", "<button formmethod=post>Log in</button>", ""),
        form(
            "`formaction`",
            HTML,
            "method=post action=/other",
            &format!("<button formaction={NEXT}>Log in</button>"),
            "",
        ),
        form("a disabled `fieldset` around all fields", HTML, "method=post><fieldset disabled", "", "")
            .because(IN_VAIN),
        policy("`Content-Security-Policy: form-action 'self'`", "form-action 'self'"),
        policy("`Content-Security-Policy: form-action 'none'`", "form-action 'none'"),
        policy("`Content-Security-Policy: form-action` with another host", "form-action http://www.other.example:*"),
        policy("`Content-Security-Policy: sandbox allow-scripts`", "sandbox allow-scripts"),
    ]
}

/// Row with a form that is posted, with more elements, and what is sent of them.
fn posted(answer: &'static str, elements: &str, sent: &str) -> Row {
    let sent = format!("POST with `email=a&password=b{sent}&_token=token`");
    form(answer, HTML, POST, elements, &sent)
}

/// Row with a form that has these attributes and more elements, on a page with these lines in the head. Without a text, nothing
/// is sent of the elements.
fn form(answer: &'static str, lines: &str, attributes: &str, elements: &str, sent: &str) -> Row {
    let action = if attributes.contains("action") { String::new() } else { format!("action={NEXT}") };
    let html = format!(
        "<!doctype html><form {action} {attributes}><input name=email><input type=password name=password>{elements}\
         <input type=hidden name=_token value=token></form>"
    );
    let sent = if sent.is_empty() { "POST with `email=a&password=b&_token=token`" } else { sent };
    Row::new(answer, Ask::Submit(sent.to_owned().leak()), page(lines, html))
}
