//! A request as every format describes it.

use std::time::Duration;

/// Requests of a text.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    /// The first of them.
    pub(crate) items: Vec<Item>,
    /// Number of further ones.
    pub(crate) more: usize,
}

impl Drafts {
    /// Most requests that are looked at.
    const MAX: usize = 1_000;

    /// True if further requests are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.items.len() >= Self::MAX
    }

    /// Adds a request, or counts it.
    pub(crate) fn push(&mut self, item: Item) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.items.push(item);
        }
    }
}

/// Something of the imported text: a request, or a reason not to carry it over.
pub(crate) type Item = Result<Draft, LeftOut>;

/// Request that is not carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Place of the request in the text.
    pub(crate) place: String,
    /// Reason.
    pub(crate) reason: String,
}

/// Request that may become a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// Place of the request in the text, for comments.
    pub(crate) place: String,
    /// Method, in upper case.
    pub(crate) method: String,
    /// URL, or path below the base URL.
    pub(crate) url: String,
    /// Headers in their order.
    pub(crate) headers: Vec<Header>,
    /// Credentials.
    pub(crate) auth: Option<Credentials>,
    /// Body, and its media type unless a header has another.
    pub(crate) body: Option<(String, &'static str)>,
    /// True if the request presents a certificate.
    pub(crate) has_certificate: bool,
    /// Expected status.
    pub(crate) status: Option<Status>,
    /// Most redirects to follow.
    pub(crate) max_redirects: Option<u8>,
    /// Longest time of the request.
    pub(crate) deadline: Option<Duration>,
    /// Parts that are not carried over, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// Header of a request.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// Name.
    pub(crate) name: String,
    /// Value.
    pub(crate) value: Secret,
}

/// Value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Secret {
    /// The value itself.
    Value(String),
    /// Text of a shell, in which it fills in variables.
    Template(String),
    /// Value that the imported text only names.
    Named(String),
}

/// Credentials of a request.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// User and password.
    Basic(String, Secret),
    /// Token.
    Bearer(Secret),
    /// The whole header, and the meaning of its value.
    Header(Secret, &'static str),
}

impl Credentials {
    /// Credentials of a user and a password. A user without password is a key, as with many APIs.
    pub(crate) fn from_pair(user: &str, password: &Secret) -> Self {
        if password.text().is_empty() || user.contains(':') || user.chars().any(char::is_control) {
            let meaning = "`Basic`, a space, and `user:password` in Base64";
            return Self::Header(password.with(user), meaning);
        }
        Self::Basic(user.to_owned(), password.clone())
    }
}

/// Expected status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Any of 200 to 299.
    Success,
    /// This one.
    Code(u16),
}

impl Draft {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&Header> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))
    }

    /// The draft as one that is not carried over.
    pub(crate) fn refused(self, reason: impl Into<String>) -> LeftOut {
        LeftOut { place: self.place, reason: reason.into() }
    }
}

impl Secret {
    /// The text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Value(text) | Self::Template(text) => text,
            Self::Named(_) => "",
        }
    }

    /// The value with another text.
    pub(crate) fn with(&self, text: &str) -> Self {
        match self {
            Self::Value(_) => Self::Value(text.to_owned()),
            Self::Template(_) => Self::Template(text.to_owned()),
            Self::Named(name) => Self::Named(name.clone()),
        }
    }

    /// Name of the variable that is the whole text, if references can name it.
    pub(crate) fn variable(&self) -> Option<&str> {
        let Self::Template(text) = self else { return None };
        let name = text.strip_prefix('$')?;
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then_some(name)
    }
}
