//! What all pages share: head, navigation, errors.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::response::{Html, IntoResponse, Response};
use check::is_interpreted;
use runtime::PortError;

use crate::assets;
use crate::shown::Moment;
use crate::source::Source;

/// What a page may load and do: only what comes from here, and no script or style within the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Incidents,
    Alarms,
    Review,
    Status,
    Demo,
    Settings,
    About,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Incidents,
        Self::Alarms,
        Self::Review,
        Self::Status,
        Self::Demo,
        Self::Settings,
        Self::About,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Incidents => "/incidents",
            Self::Alarms => "/alarms",
            Self::Review => "/review",
            Self::Status => "/status",
            Self::Demo => "/demo",
            Self::Settings => "/settings",
            Self::About => "/about",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Incidents => "Incidents",
            Self::Alarms => "Alarms",
            Self::Review => "Review",
            Self::Status => "Status page",
            Self::Demo => "Demo",
            Self::Settings => "Settings",
            Self::About => "About",
        }
    }
}

/// Frame of a page.
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) place: Place,
    pub(crate) environment: String,
    pub(crate) host: String,
    pub(crate) release: String,
    pub(crate) now: Moment,
    is_demo: bool,
    /// Class of the worst state on the page; it colours the icon of the tab.
    pub(crate) tone: &'static str,
}

impl Shell {
    pub(crate) fn new(source: &Source, place: Place, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            place,
            environment: source.environment.clone(),
            host: source.host.clone(),
            release: source.release.clone(),
            now: Moment(source.clock.now()),
            is_demo: source.faults.is_some(),
            tone: "good",
        }
    }

    /// Links of the navigation: path, title, and if it is the current one.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let shown = Place::ALL.into_iter().filter(|place| *place != Place::Demo || self.is_demo);
        shown.map(|place| (place.path(), place.title(), place == self.place))
    }

    /// Path of the icon of the tab.
    pub(crate) fn icon(&self) -> String {
        assets::path(match self.tone {
            "bad" => "icon-bad.svg",
            "unsure" => "icon-unsure.svg",
            _ => "icon-good.svg",
        })
    }

    /// Path of an asset.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::path(name)
    }
}

/// Answer with a page.
pub(crate) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => html(&text),
        // Writing to a text fails only if a value refuses to be shown, and none does.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Answer with the text of a page.
pub(crate) fn html(text: &str) -> Response {
    (headers(), Html(visible(text))).into_response()
}

/// Where a browser may send the address of a page. Without any, it also hides from where a form comes, and the form is refused.
const REFERRER: &str = "same-origin";

pub(crate) fn headers() -> [(axum::http::HeaderName, &'static str); 2] {
    [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, REFERRER)]
}

/// Replaces characters that hide or reorder text, wherever they come from.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_interpreted(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Reason why a page cannot be shown.
pub(crate) enum Missing {
    /// The history cannot be read.
    Unread(PortError),
    /// There is no such thing.
    Unknown(&'static str, String),
}

impl From<PortError> for Missing {
    fn from(error: PortError) -> Self {
        Self::Unread(error)
    }
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    shell: Shell,
    headline: String,
    details: String,
    advice: &'static str,
}

impl Missing {
    /// Page about the missing thing, with advice.
    pub(crate) fn page(self, source: &Source, place: Place) -> Response {
        let (status, headline, details, advice) = match self {
            Self::Unread(error) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The history cannot be read".to_owned(),
                error.to_string(),
                "The page tries again by itself.",
            ),
            Self::Unknown(what, name) => (
                StatusCode::NOT_FOUND,
                format!("There is no such {what}"),
                name,
                "It may be older than the history, or belong to another environment.",
            ),
        };
        let mut shell = Shell::new(source, place, headline.clone());
        shell.tone = "unsure";
        (status, page(&MissingPage { shell, headline, details, advice })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible() {
        assert_eq!(visible("a\u{202e}b\nc\u{0}d"), "a\\u{202e}b\nc\\u{0}d");
    }
}
