//! Status lines and headers.

use super::{page, plain, raw};
use crate::row::{Ask, Row};

/// Reason of rows with a malformed header line.
const NO_HEADER: &str = "the HTTP library refuses the line; see below";
/// Reason of rows with an unusual status line.
const NO_STATUS: &str = "the HTTP library reads only the status lines of the standard";

/// Text below the table.
pub const NOTE: &str = "\
`synthetics` refuses malformed header lines, and names the line. Its HTTP library (hyper) could drop them instead, but it
would also drop lines with a NUL, which Chromium refuses, and it would not report the dropped lines: a missing cookie or
redirect would then have no explanation. It does not say which line it refuses either, so the page is requested once more, and
the line is read from that answer; a request that may change something is not repeated. A failing status is named before the
line. Neither status nor page of the first answer are known, so maintenance mode is not recognised behind a malformed line.
";

pub fn rows() -> Vec<Row> {
    let signed = |answer: &'static str, sign: &str| Row::new(answer, Ask::Sign("yes"), page(&plain(sign), "fine"));
    let body = |answer: &'static str, line: &str| Row::new(answer, Ask::Body, page(&plain(line), "fine"));
    let status = |answer: &'static str, line: &str| {
        let head = "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine";
        Row::new(answer, Ask::Body, raw(format!("{line}\r\n{head}")))
    };
    let many = |answer: &'static str, count: usize| {
        let sign = if count == 2 { "a".repeat(200_000) } else { "a".to_owned() };
        let lines: String = (5..=count).map(|number| format!("X-Other-{number}: a\r\n")).collect();
        body(answer, &format!("{lines}X-Other: {sign}"))
    };
    vec![
        signed("a name in lower case", "x-sign: yes"),
        signed("no space after the colon", "X-Sign:yes"),
        signed("spaces around the value", "X-Sign: \t yes \t"),
        signed("a space before the colon", "X-Sign : yes"),
        Row::new(
            "a value folded over two lines",
            Ask::Sign("yes and no"),
            page(&plain("X-Sign: yes\r\n  and no"), "fine"),
        ),
        Row::new("a value with letters beyond ASCII", Ask::Sign("kø"), page(&plain("X-Sign: kø"), "fine")),
        body("a line without a colon", "Warning of a proxy").because(NO_HEADER),
        body("a name with a space", "PHP Warning:  a module").because(NO_HEADER),
        body("a line without a name", ": nothing").because(NO_HEADER),
        body("a value with a NUL", "X-Other: a\0b"),
        body("a value with a control character", "X-Other: a\x01b").because(NO_HEADER),
        Row::new(
            "lines that end with LF alone",
            Ask::Sign("yes"),
            raw("HTTP/1.1 200 OK\nContent-Type: text/plain\nX-Sign: yes\nContent-Length: 4\n\nfine"),
        ),
        many("100 header lines", 100),
        many("101 header lines", 101),
        many("300 header lines", 300),
        many("301 header lines", 301).because("more than 300 header lines are a mistake of the platform"),
        many("header lines of 200 KB together", 2),
        status("a status without a reason", "HTTP/1.1 200"),
        status("two spaces in the status line", "HTTP/1.1  200 OK").because(NO_STATUS),
        status("a reason in Latin-1", "HTTP/1.1 200 K\u{f8}bt"),
        status("`HTTP/1.2` in the status line", "HTTP/1.2 200 OK").because(NO_STATUS),
        status("`HTTP/2 200` in the status line", "HTTP/2 200 OK").because(NO_STATUS),
        status("an empty line before the status line", "\r\nHTTP/1.1 200 OK"),
        status("a text before the status line", "PHP Warning:  a module\r\nHTTP/1.1 200 OK"),
        status("`100 Continue` before the answer, unasked", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
    ]
}
