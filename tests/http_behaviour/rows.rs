//! All rows of the page, by topic.

mod certificates;
mod codings;
mod cookies;
mod forms;
mod heads;
mod lengths;
mod redirects;
mod texts;
mod waits;

use hostile::{Action, Authority, OwnSigned, own_signed, send};
use rustls::ServerConfig;

use crate::row::{FINE, HOST, Row};

/// Rows of a topic.
pub struct Topic {
    pub heading: &'static str,
    /// Text below the table; may be empty.
    pub note: &'static str,
    pub rows: Vec<Row>,
}

/// Script of a server: its actions after a request.
type Answer = Box<dyn Fn(&str) -> Vec<Action> + Send + Sync>;

/// Years in which certificates are valid.
const YEARS: (i32, i32) = (2020, 2999);

/// All topics, and the authorities in PEM that clients must trust.
pub fn all() -> (Vec<Topic>, Vec<String>) {
    let authority = Authority::generate();
    let config = authority.server(HOST, YEARS, &[]);
    let own = [OwnSigned::Server, OwnSigned::Authority].map(|kind| own_signed(kind, HOST, (2999, 1, 1)));
    let pems = [vec![authority.pem.clone()], own.iter().map(|(_, pem)| pem.clone()).collect()].concat();
    let topic = |heading, rows, note| Topic { heading, note, rows };
    let topics = vec![
        topic("Texts and media types", texts::rows(), ""),
        topic("Content codings", codings::rows(&config), ""),
        topic("Status line and headers", heads::rows(), heads::NOTE),
        topic("The end of a body", lengths::rows(&config), ""),
        topic("Redirects", redirects::rows(&config), ""),
        topic("Cookies", cookies::rows(&config), cookies::NOTE),
        topic("Forms", forms::rows(), forms::NOTE),
        topic("Certificates", certificates::rows(&authority, own.map(|(config, _)| config)), certificates::NOTE),
        topic("Waiting", waits::rows(), waits::NOTE),
    ];
    (topics, pems)
}

/// Script that sends these bytes and closes the connection.
fn raw(bytes: impl AsRef<[u8]>) -> Answer {
    let bytes = bytes.as_ref().to_vec();
    Box::new(move |_| vec![send(&bytes)])
}

/// Script that sends a body after these lines of the head and its length, and closes the connection.
fn page(lines: &str, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}\r\nContent-Length: {}\r\n\r\n", body.len());
    raw([head.as_bytes(), body].concat())
}

/// Lines of a head for plain text, followed by more.
fn plain(lines: &str) -> String {
    format!("Content-Type: text/plain\r\n{lines}")
}

/// Script that answers a request to a path with one script, and all others with [`FINE`].
fn at_path(path: &'static str, script: Answer) -> Answer {
    let others = page("Content-Type: text/plain", FINE);
    Box::new(move |request| {
        let is_here = request.split(' ').nth(1) == Some(path);
        if is_here { script(request) } else { others(request) }
    })
}

/// Row whose server uses TLS.
fn encrypted(config: &ServerConfig, row: Row) -> Row {
    row.over(config.clone())
}
