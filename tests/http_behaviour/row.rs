//! Rows of the page: a server's answer, and what a client makes of it.

use std::sync::Arc;

use hostile::{Action, ConnectionBehavior, Server};
use rustls::ServerConfig;

/// Host of most rows.
pub const HOST: &str = "www.shop.example";
/// Another host of the same site.
pub const SIBLING: &str = "account.shop.example";
/// Host of another site.
pub const STRANGER: &str = "www.other.example";
/// Host below a public suffix of two labels.
pub const BRITISH: &str = "www.shop.co.uk";
/// Address of all servers.
pub const ADDRESS: &str = "127.0.0.1";

/// Body of most answers.
pub const FINE: &str = "fine";
/// Path of a page from which a browser's script sends requests.
pub const START: &str = "/start";
/// Path of the request after the first one, where a row has one.
pub const NEXT: &str = "/next";
/// Header whose value a row may ask for.
pub const SIGN: &str = "X-Sign";

/// Longest cookie that the page quotes. **Units:** bytes.
const MAX_COOKIE: usize = 40;

type Script = Arc<dyn Fn(&str) -> Vec<Action> + Send + Sync>;

/// Question to each client about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The body, as bytes.
    Body,
    /// The body as text in its encoding.
    Text(&'static str),
    /// The value of the header [`SIGN`].
    Sign(&'static str),
    /// The body as JSON.
    Json(&'static str),
    /// The token in a form of the page.
    Form(&'static str),
    /// The cookies that the next request sends, to this host. The first request is to [`HOST`] in any case.
    Cookies(&'static str, &'static str),
    /// Method and body of the last request, after a POST.
    Post(&'static str),
    /// The request that a form of the page makes, after its e-mail address and password were typed.
    Submit(&'static str),
    /// The wait before another attempt. **Units:** seconds.
    Wait(&'static str),
}

impl Ask {
    /// Content that a client finds when it reads the answer as the server means it.
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Body => FINE,
            Self::Form(wanted)
            | Self::Text(wanted)
            | Self::Sign(wanted)
            | Self::Json(wanted)
            | Self::Cookies(_, wanted)
            | Self::Post(wanted)
            | Self::Submit(wanted)
            | Self::Wait(wanted) => wanted,
        }
    }
}

/// What a client found, or its error.
pub type Found = Result<String, String>;

/// Verdict of a client on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client found this; the second is true when it is what the server means.
    Found(String, bool),
    /// The client refused the answer, with this error.
    Refused(String),
    /// The client does not read such content.
    Unread,
}

impl Verdict {
    pub fn new(ask: Ask, found: Option<Found>) -> Self {
        match found {
            None => Self::Unread,
            Some(Err(error)) => Self::Refused(error),
            Some(Ok(found)) => {
                let is_wanted = found == ask.wanted();
                Self::Found(found, is_wanted)
            }
        }
    }

    /// The verdict without an error, which differs between versions.
    pub fn label(&self, ask: Ask) -> String {
        match (self, ask) {
            (Self::Unread, _) => "–".to_owned(),
            (Self::Refused(_), Ask::Cookies(..)) => "not sent".to_owned(),
            (Self::Refused(_), Ask::Wait(_)) => "ignored".to_owned(),
            (Self::Refused(_), _) => "refused".to_owned(),
            (Self::Found(found, _), Ask::Wait(_)) => format!("reads {found} s"),
            (Self::Found(_, true), Ask::Cookies(..)) => "sent back".to_owned(),
            (Self::Found(found, _), Ask::Cookies(..)) => format!("sends `{found}`"),
            (Self::Found(found, _), Ask::Post(_) | Ask::Submit(_)) => format!("sends {found}"),
            (Self::Found(_, true), _) => "accepted".to_owned(),
            (Self::Found(found, false), _) if found.is_empty() => "reads nothing".to_owned(),
            (Self::Found(found, false), _) => format!("reads `{found}`"),
        }
    }

    /// The error of a refusal.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Refused(error) if !error.is_empty() => Some(error),
            _ => None,
        }
    }
}

/// A server's answer, and the question about it.
pub struct Row {
    /// The answer in words.
    pub answer: &'static str,
    pub ask: Ask,
    /// Host of the first request.
    pub host: &'static str,
    /// Why the product and Chromium differ; empty when they do not.
    pub why: &'static str,
    how: ConnectionBehavior,
    script: Script,
}

impl Row {
    pub fn new(answer: &'static str, ask: Ask, script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static) -> Self {
        let script = Arc::new(script);
        Self { answer, ask, host: HOST, why: "", how: ConnectionBehavior::default(), script }
    }

    /// Adds the reason of a difference.
    pub fn because(self, why: &'static str) -> Self {
        Self { why, ..self }
    }

    /// Encrypts the connections.
    pub fn over(mut self, config: ServerConfig) -> Self {
        self.how.tls = Some((Arc::new(config), std::time::Duration::ZERO));
        self
    }

    /// Ends TLS without close_notify.
    pub fn abrupt(mut self) -> Self {
        self.how.is_abrupt = true;
        self
    }

    /// Answers without TLS too.
    pub fn plain_too(mut self) -> Self {
        self.how.is_plain_too = true;
        self
    }

    /// Sends the first request to another host.
    pub fn at(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// Starts a server, a separate one for each client.
    pub async fn start(&self) -> Server {
        let script = self.script.clone();
        let answer = move |request: &str| match request.split(' ').nth(1) {
            Some(START) => hostile::answer("200 OK\r\nContent-Type: text/html", "start"),
            Some("/favicon.ico") => hostile::answer("404 Not Found", ""),
            _ => script(request),
        };
        Server::start(([127, 0, 0, 1], 0).into(), self.how.clone(), answer).await
    }

    /// URL of a path at a host.
    pub fn url(&self, server: &Server, host: &str, path: &str) -> String {
        let scheme = if self.how.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", server.address.port())
    }
}

/// Last request for a path that begins like this, without those that a browser sends for itself.
fn to_path(server: &Server, wanted: &str) -> Option<String> {
    let requests = server.requests();
    requests.into_iter().rev().find(|request| request.split(' ').nth(1).is_some_and(|path| path.starts_with(wanted)))
}

/// Value of the header `Cookie` at the request to [`NEXT`]. An error without one.
pub fn cookies(server: &Server) -> Found {
    let request = to_path(server, NEXT).ok_or("no next request")?;
    let line = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("cookie").then(|| value.to_owned())
    });
    let line = line.ok_or_else(String::new)?;
    Ok(if line.len() > MAX_COOKIE { format!("{} bytes", line.len()) } else { line })
}

/// Method and body of the request to [`NEXT`].
pub fn posted(server: &Server) -> Found {
    let request = to_path(server, NEXT).ok_or("no next request")?;
    let method = request.split(' ').next().unwrap_or_default();
    let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(if body.is_empty() { method.to_owned() } else { format!("{method} with `{body}`") })
}

/// Method and fields of the form that was sent to [`NEXT`].
pub fn submitted(server: &Server) -> Found {
    let request = to_path(server, NEXT).ok_or("no next request")?;
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((&request, ""));
    let method = request.split(' ').next().unwrap_or_default();
    let Some((_, boundary)) = head.lines().find_map(|line| line.split_once("multipart/form-data; boundary=")) else {
        return Ok(format!("{method} with `{}`", body.trim_end().replace("\r\n", " ")));
    };
    let delimiter = format!("--{boundary}");
    let parts = body.split(&delimiter).filter_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let name = head.split("name=\"").nth(1)?.split('"').next()?;
        Some(format!("{name}={}", value.trim_end()))
    });
    Ok(format!("{method} in parts with `{}`", parts.collect::<Vec<_>>().join("&")))
}
