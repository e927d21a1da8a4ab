//! Byte order marks, media types and encodings.

use super::page;
use crate::row::{Ask, Row};

const FORM: &str = r#"<!doctype html><form method="post"><input type="hidden" name="_token" value="token"></form>"#;
const JSON: &str = r#"{"a":1}"#;

pub fn rows() -> Vec<Row> {
    let html = "Content-Type: text/html";
    let json_type = "Content-Type: application/json";
    let utf_16: Vec<u8> = "\u{feff}{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        Row::new("JSON after a byte order mark", Ask::Json(JSON), page(json_type, b"\xef\xbb\xbf{\"a\":1}")),
        Row::new("JSON in UTF-16 with a byte order mark", Ask::Json(JSON), page(json_type, &utf_16)),
        Row::new(
            "JSON with a letter in Latin-1",
            Ask::Json("{\"a\":\"k\u{fffd}re\"}"),
            page(json_type, b"{\"a\":\"k\xf8re\"}"),
        )
        .because(
            "Chromium replaces the letter, and the check would compare another text; PHP's `json_encode` refuses it",
        ),
        Row::new("JSON as `text/html`", Ask::Json(JSON), page("Content-Type: text/html", JSON)),
        Row::new(
            "a form as `TEXT/HTML; Charset=\"UTF-8\"`",
            Ask::Form("token"),
            page("Content-Type: TEXT/HTML; Charset=\"UTF-8\"", FORM),
        ),
        Row::new("a form without `Content-Type`", Ask::Form("token"), page("X-Other: 1", FORM)),
        Row::new(
            "a form in UTF-8 after `<meta charset=utf-16>`",
            Ask::Form("tøken"),
            page(html, form("<meta charset=utf-16>", 0, "tøken".as_bytes())),
        ),
        Row::new(
            "a form in Latin-1 after `<meta charset=iso-8859-1>`",
            Ask::Form("tøken"),
            page(html, form("<meta charset=iso-8859-1>", 0, b"t\xf8ken")),
        ),
        Row::new(
            "the same after 2 KB of other elements of the head",
            Ask::Form("tøken"),
            page(html, form("<meta charset=iso-8859-1>", 2_000, b"t\xf8ken")),
        ),
        Row::new(
            "the same after 2 KB of text",
            Ask::Form("tøken"),
            page(html, [&b"<p>"[..], &[b'x'; 2_000], &form("<meta charset=iso-8859-1>", 0, b"t\xf8ken")].concat()),
        ),
        Row::new("a form as `application/json`", Ask::Form("token"), page(json_type, FORM)),
        Row::new(
            "a text in Latin-1 as `charset=ISO-8859-1`",
            Ask::Text("køre"),
            page("Content-Type: text/plain; charset=ISO-8859-1", b"k\xf8re"),
        ),
        Row::new("a page in Latin-1 that names no charset", Ask::Text("køre"), page(html, b"k\xf8re")),
        Row::new(
            "a text in Latin-1 that names no charset",
            Ask::Text("køre"),
            page("Content-Type: text/plain", b"k\xf8re"),
        ),
        Row::new(
            "`text/plain; charset=utf-8`, and then `text/html; charset=iso-8859-1`",
            Ask::Text("køre"),
            page("Content-Type: text/plain; charset=utf-8\r\nContent-Type: text/html; charset=iso-8859-1", b"k\xf8re"),
        ),
        Row::new(
            "the same in one header",
            Ask::Text("køre"),
            page("Content-Type: text/plain; charset=utf-8, text/html; charset=iso-8859-1", b"k\xf8re"),
        ),
        Row::new(
            "`text/html; charset=iso-8859-1`, and then `text/html`",
            Ask::Text("køre"),
            page("Content-Type: text/html; charset=iso-8859-1\r\nContent-Type: text/html", b"k\xf8re"),
        ),
        Row::new(
            "a byte order mark of UTF-8 and `charset=iso-8859-1`",
            Ask::Text("køre"),
            page("Content-Type: text/plain; charset=iso-8859-1", "\u{feff}køre"),
        ),
    ]
}

/// Page with a `meta` element after this many bytes of the head, and a form with this token.
fn form(meta: &str, before: usize, token: &[u8]) -> Vec<u8> {
    let style = format!("<style>{}</style>", "x".repeat(before));
    let begin = format!("<!doctype html>{style}{meta}<form method=post><input type=hidden name=_token value=");
    [begin.as_bytes(), token, b"></form>"].concat()
}
