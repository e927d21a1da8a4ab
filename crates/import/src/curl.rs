//! Commands of curl.

mod options;
mod shell;

use std::time::Duration;

use url::form_urlencoded;

use self::options::{Meaning, long, short};
use self::shell::Command;
use crate::draft::{Credentials, Draft, Drafts, Header, Item, LeftOut, Secret, Status};
use crate::error::ImportError;

const EXPECTED: &str = "commands of curl, as for Bash";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// Most redirects that a target follows; curl follows 50 by default.
const MAX_REDIRECTS: u8 = 20;
/// Largest body, as of a file of the settings. **Units:** bytes.
const MAX_BODY: usize = 256_000;
/// Most URLs, and most headers, of one command.
const MAX_PARTS: usize = 100;
const UNKNOWN: &str = "an option that is not known here";
const VARIABLE: &str = "a variable of the shell, which is not known here; fill it in first";
const FILE: &str = "the file is not read; put it next to the settings and name it in `body.file`";

/// Reads a text with commands.
pub(crate) fn drafts(text: &str) -> Result<Drafts, ImportError> {
    if text.lines().any(|line| line.trim_end().ends_with(" ^")) {
        let found = "the quotes of the Windows command line; copy the request for Bash".to_owned();
        return Err(ImportError::Malformed { expected: EXPECTED, found });
    }
    let commands = shell::commands(text).map_err(|open| ImportError::Malformed {
        expected: EXPECTED,
        found: format!("a quote without an end on line {}", open.line),
    })?;
    let mut items = Drafts::default();
    let mut has_curl = false;
    for command in commands {
        let words = command.words.iter().position(|word| word.text() != "$").unwrap_or_default();
        let name = command.words.get(words).map_or("", Secret::text);
        let name = name.rsplit('/').next().unwrap_or(name);
        if matches!(name, "curl" | "curl.exe") {
            has_curl = true;
            read(&command, &command.words[words + 1..], &mut items);
        } else if !command.is_piped {
            let reason = "it is not a command of curl".to_owned();
            items.push(Err(LeftOut { place: place(&command), reason }));
        }
    }
    if has_curl { Ok(items) } else { Err(ImportError::Malformed { expected: EXPECTED, found: "none".to_owned() }) }
}

fn place(command: &Command) -> String {
    format!("line {}", command.line)
}

/// Reads the words behind `curl`.
fn read(command: &Command, words: &[Secret], items: &mut Drafts) {
    let refused = |reason: &str| Err(LeftOut { place: place(command), reason: reason.to_owned() });
    if command.is_binary {
        return items.push(refused("a text that is not in UTF-8"));
    }
    if command.has_input {
        return items.push(refused("its input, which is not read"));
    }
    let mut transfer = Transfer::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match transfer.word(word, &mut words) {
            Ok(false) => {}
            Ok(true) => std::mem::take(&mut transfer).finish(&place(command), items),
            Err(reason) => return items.push(refused(&reason)),
        }
    }
    transfer.finish(&place(command), items);
}

/// Options so far, up to the next `--next`.
#[derive(Default)]
struct Transfer {
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<Header>,
    cookies: Vec<Secret>,
    data: Vec<String>,
    data_type: Option<&'static str>,
    parameters: Vec<String>,
    auth: Option<Credentials>,
    has_certificate: bool,
    is_head: bool,
    is_get: bool,
    keeps_braces: bool,
    follows: bool,
    max_redirects: Option<u8>,
    deadline: Option<Duration>,
    left_out: Vec<String>,
}

impl Transfer {
    /// Reads a word, and its argument. Returns true if another transfer begins.
    fn word<'w>(&mut self, word: &Secret, rest: &mut impl Iterator<Item = &'w Secret>) -> Result<bool, String> {
        let text = word.text();
        if let Some(name) = text.strip_prefix("--").filter(|name| !name.is_empty()) {
            let known = long(name).or_else(|| long(name.strip_prefix("no-")?).map(negated));
            let (name, takes, meaning) = known.ok_or_else(|| unknown(name))?;
            let argument = if takes { rest.next().cloned() } else { None };
            return self.option(name, meaning, takes, argument);
        }
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            self.urls.push(known_text(word)?);
            return Ok(false);
        };
        for (at, letter) in letters.char_indices() {
            let (name, takes, meaning) = short(letter).ok_or(UNKNOWN)?;
            if takes {
                let joined = &letters[at + letter.len_utf8()..];
                let argument = if joined.is_empty() { rest.next().cloned() } else { Some(word.with(joined)) };
                return self.option(name, meaning, takes, argument);
            }
            if self.option(name, meaning, takes, None)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn option(&mut self, name: &str, meaning: Meaning, takes: bool, argument: Option<Secret>) -> Result<bool, String> {
        if takes && argument.is_none() {
            return Err(format!("`--{name}` without its argument"));
        }
        let argument = argument.unwrap_or(Secret::Value(String::new()));
        match meaning {
            Meaning::Ignored => {}
            Meaning::Next => return Ok(true),
            Meaning::LeftOut(reason) => self.left_out.push(format!("`--{name}`: {reason}")),
            Meaning::Refused(reason) => return Err(format!("`--{name}`: {reason}")),
            Meaning::AuthScheme => return Err(format!("`--{name}`: targets know Basic and tokens only")),
            Meaning::Head => self.is_head = true,
            Meaning::Get => self.is_get = true,
            Meaning::GlobOff => self.keeps_braces = true,
            Meaning::Location => self.follows = true,
            Meaning::Certificate => self.has_certificate = true,
            Meaning::Url => self.urls.push(known_text(&argument)?),
            Meaning::Request => self.method = Some(known_text(&argument)?),
            Meaning::Header => self.header(&argument)?,
            Meaning::UserAgent => self.named_header("user-agent", argument),
            Meaning::Referer => self.named_header("referer", argument),
            Meaning::Range => {
                let range = format!("bytes={}", known_text(&argument)?);
                self.named_header("range", Secret::Value(range));
            }
            Meaning::Bearer => self.auth = Some(Credentials::Bearer(argument)),
            Meaning::User => self.auth = Some(user(&argument)),
            Meaning::Cookie => match argument.text().contains('=') || matches!(argument, Secret::Template(_)) {
                true => self.cookies.push(argument),
                false => self.left_out.push("`--cookie`: the file of cookies is not read".to_owned()),
            },
            Meaning::Data => {
                if argument.text().starts_with('@') {
                    return Err(format!("`--{name}`: {FILE}"));
                }
                self.add_data(known_text(&argument)?, FORM);
            }
            Meaning::DataRaw => self.add_data(known_text(&argument)?, FORM),
            Meaning::DataUrlencode => {
                let encoded = urlencoded(&known_text(&argument)?)?;
                self.add_data(encoded, FORM);
            }
            Meaning::Json => {
                if argument.text().starts_with('@') {
                    return Err(format!("`--{name}`: {FILE}"));
                }
                // Several are joined without anything between them.
                let before = self.data.pop().unwrap_or_default();
                self.add_data(before + &known_text(&argument)?, JSON);
            }
            Meaning::UrlQuery => {
                let text = known_text(&argument)?;
                let parameter = text.strip_prefix('+').map_or_else(|| urlencoded(&text), |raw| Ok(raw.to_owned()))?;
                self.parameters.push(parameter);
            }
            Meaning::MaxRedirects => {
                let number = known_text(&argument)?;
                let most = number.trim().parse::<i64>().map_err(|_| format!("`--{name}` without a number"))?;
                self.max_redirects = Some(u8::try_from(most).unwrap_or(MAX_REDIRECTS).min(MAX_REDIRECTS));
            }
            Meaning::MaxTime => {
                let number = known_text(&argument)?;
                let seconds = number.trim().parse::<f64>().ok().and_then(|time| Duration::try_from_secs_f64(time).ok());
                let time = seconds.ok_or_else(|| format!("`--{name}` without a number of seconds"))?;
                let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                // With 0 it has no limit.
                self.deadline = (ms > 0).then(|| Duration::from_millis(ms.max(100)));
            }
        }
        Ok(false)
    }

    fn add_data(&mut self, data: String, data_type: &'static str) {
        self.data.push(data);
        self.data_type = Some(data_type);
    }

    fn named_header(&mut self, name: &str, value: Secret) {
        self.headers.push(Header { name: name.to_owned(), value });
    }

    fn header(&mut self, argument: &Secret) -> Result<(), String> {
        let text = argument.text();
        if text.starts_with('@') {
            self.left_out.push("`--header`: the file of headers is not read".to_owned());
            return Ok(());
        }
        let (name, value) = match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((name, value)), _) if value.trim().is_empty() => {
                // Only curl sends `Expect`, and only with a body; the others would be sent anyway.
                if !name.trim().eq_ignore_ascii_case("expect") {
                    self.left_out.push("`--header`: a header that curl is not to send".to_owned());
                }
                return Ok(());
            }
            (Some((name, value)), _) => (name, value),
            (None, Some(name)) => (name, ""),
            (None, None) => return Err("`--header` without a colon".to_owned()),
        };
        if name.contains(['$', '`']) {
            return Err(VARIABLE.to_owned());
        }
        self.headers.push(Header { name: name.trim().to_owned(), value: argument.with(value.trim()) });
        Ok(())
    }

    /// Adds the requests of the transfer.
    fn finish(mut self, place: &str, items: &mut Drafts) {
        if let Some(cookies) = self.joined_cookies() {
            self.headers.push(Header { name: "cookie".to_owned(), value: cookies });
        }
        if self.urls.is_empty() {
            let reason = "a command without a URL".to_owned();
            items.push(Err(LeftOut { place: place.to_owned(), reason }));
        }
        if self.urls.len().max(self.headers.len()) > MAX_PARTS {
            let reason = format!("a command with more than {MAX_PARTS} URLs or headers");
            return items.push(Err(LeftOut { place: place.to_owned(), reason }));
        }
        for url in std::mem::take(&mut self.urls) {
            items.push(self.draft(&url, place));
        }
    }

    fn joined_cookies(&self) -> Option<Secret> {
        let (first, more) = self.cookies.split_first()?;
        if more.is_empty() {
            return Some(first.clone());
        }
        let texts: Vec<&str> = self.cookies.iter().map(Secret::text).collect();
        let template = self.cookies.iter().find(|cookie| matches!(cookie, Secret::Template(_)));
        Some(template.unwrap_or(first).with(&texts.join("; ")))
    }

    fn draft(&self, url: &str, place: &str) -> Item {
        let mut draft = Draft { place: place.to_owned(), ..Draft::default() };
        if !self.keeps_braces && url.contains(['{', '}', '[', ']']) && !url.contains("://[") {
            return Err(draft.refused("a URL with braces or brackets, which stand for several URLs in curl"));
        }
        draft.url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let size: usize = self.data.iter().map(String::len).sum();
        if size > MAX_BODY {
            return Err(draft.refused(format!("a body of more than {} kB", MAX_BODY / 1_000)));
        }
        let data = (!self.data.is_empty()).then(|| self.data.join("&"));
        let mut parameters = self.parameters.clone();
        if self.is_get {
            parameters.extend(data.clone());
        }
        if !parameters.is_empty() {
            let (before, fragment) = draft.url.split_once('#').unwrap_or((&draft.url, ""));
            let separator = if before.contains('?') { '&' } else { '?' };
            draft.url = format!("{before}{separator}{}#{fragment}", parameters.join("&"));
        }
        let body = data.filter(|_| !self.is_get);
        draft.method = match &self.method {
            Some(method) => method.clone(),
            None if self.is_head => "HEAD".to_owned(),
            None if body.is_some() => "POST".to_owned(),
            None => "GET".to_owned(),
        };
        draft.headers.clone_from(&self.headers);
        if self.data_type == Some(JSON) && draft.header("accept").is_none() {
            draft.headers.push(Header { name: "accept".to_owned(), value: Secret::Value(JSON.to_owned()) });
        }
        draft.body = body.map(|body| (body, self.data_type.unwrap_or(FORM)));
        draft.auth.clone_from(&self.auth);
        draft.has_certificate = self.has_certificate;
        draft.status = (!matches!(draft.method.as_str(), "GET" | "HEAD")).then_some(Status::Success);
        draft.max_redirects = Some(if self.follows { self.max_redirects.unwrap_or(MAX_REDIRECTS) } else { 0 });
        draft.deadline = self.deadline;
        draft.left_out.clone_from(&self.left_out);
        Ok(draft)
    }
}

/// Reason for an option that is not known. Another text may be an argument, so it is not shown.
fn unknown(name: &str) -> String {
    let is_name = name.len() <= 30 && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if is_name { format!("`--{name}`: {UNKNOWN}") } else { UNKNOWN.to_owned() }
}

/// An option that `--no-…` switches off: only those without an argument have one.
fn negated((name, _, meaning): (&'static str, bool, Meaning)) -> (&'static str, bool, Meaning) {
    match meaning {
        Meaning::Ignored => (name, false, Meaning::Ignored),
        _ => (name, false, Meaning::LeftOut("switched off, which is not known here")),
    }
}

fn known_text(word: &Secret) -> Result<String, String> {
    match word {
        Secret::Value(text) => Ok(text.clone()),
        Secret::Template(_) | Secret::Named(_) => Err(VARIABLE.to_owned()),
    }
}

/// User and password of `--user`. Without a colon curl asks for the password.
fn user(argument: &Secret) -> Credentials {
    match argument.text().split_once(':') {
        Some((user, password)) if !user.contains(['$', '`']) || matches!(argument, Secret::Value(_)) => {
            Credentials::from_pair(user, &argument.with(password))
        }
        None if matches!(argument, Secret::Value(_)) => {
            Credentials::Basic(argument.text().to_owned(), Secret::Named("password".to_owned()))
        }
        _ => Credentials::Header(argument.clone(), "`Basic`, a space, and `user:password` in Base64"),
    }
}

/// Data of `--data-urlencode`: `content`, `=content` or `name=content`.
fn urlencoded(data: &str) -> Result<String, String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match data.split_once('=') {
        Some(("", content)) => Ok(encode(content)),
        Some((name, content)) => Ok(format!("{name}={}", encode(content))),
        None if data.contains('@') => Err(format!("`--data-urlencode`: {FILE}")),
        None => Ok(encode(data)),
    }
}
