//! Scripts, style sheets and images that a page names.

use std::collections::BTreeSet;

use check::{FailureKind, Mismatch, Phrase, foreign, phrase};
use url::Url;

use crate::{Response, html::Tag, html::Tags};

/// Types of JavaScript (WHATWG MIME Sniffing, "JavaScript MIME type").
const JAVASCRIPT: [&str; 16] = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// Maximum length of an asset's URL in a message, in characters.
const MAX_URL: usize = 160;

/// File that a page needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asset {
    /// URL, without its fragment.
    pub url: Url,
    /// Kind of file.
    pub kind: AssetKind,
}

/// Kind of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKind {
    /// Script, also a preloaded module.
    Script,
    /// Style sheet.
    Style,
    /// Image, also an icon of the page.
    Image,
}

impl AssetKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Style => "style sheet",
            Self::Image => "image",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Script => "text/javascript",
            Self::Style => "text/css",
            Self::Image => "image/…",
        }
    }

    fn has_type(self, essence: &str) -> bool {
        match self {
            Self::Script => JAVASCRIPT.contains(&essence),
            Self::Style => essence == "text/css",
            Self::Image => essence.starts_with("image/"),
        }
    }
}

impl Asset {
    /// Description for messages: `the script https://app.example/app.js`.
    #[must_use]
    pub fn describe(&self) -> Phrase {
        phrase!("the {} {}", self.kind.name(), foreign(&self.url).at_most(MAX_URL))
    }

    /// Checks that the answer is the asset: status 200, with the type that browsers require.
    ///
    /// # Errors
    /// A mismatch of kind `status` or `header`, which names the asset.
    pub fn judge(&self, response: &Response) -> Result<(), Mismatch> {
        if response.status.as_u16() != 200 {
            let expected = phrase!("status 200 for {}", self.describe());
            let actual = phrase!("status {}", response.status_line());
            return Err(Mismatch::new(FailureKind::Status, expected, actual));
        }
        let found = response.content_type();
        if self.kind.has_type(found.essence()) {
            return Ok(());
        }
        let expected = phrase!("content-type {} for {}", self.kind.media_type(), self.describe());
        let actual = match response.quoted_type() {
            Some(found) => phrase!("content-type {}", found),
            None => "no content type".into(),
        };
        Err(Mismatch::new(FailureKind::Header, expected, actual))
    }
}

/// Scripts, style sheets and images that a page names with an `http` or `https` URL, each once, in the order of the page. Those of
/// templates and of pages without scripts are left out, as browsers do not load them. `None` if the answer is no page.
#[must_use]
pub fn assets(response: &Response) -> Option<Vec<Asset>> {
    if !response.content_type().is_page() {
        return None;
    }
    let text = response.text();
    let base = Tags::new(&text).find(|tag| tag.opens("base") && tag.attribute("href").is_some());
    let base = base.and_then(|tag| response.url.join(tag.attribute("href")?.trim()).ok());
    let base = base.as_ref().unwrap_or(&response.url);
    let (mut found, mut seen, mut templates) = (Vec::new(), BTreeSet::new(), 0_usize);
    for tag in Tags::new(&text) {
        if tag.opens("template") {
            templates += 1;
        } else if tag.closes("template") {
            templates = templates.saturating_sub(1);
        }
        let Some((kind, written)) = named(&tag).filter(|_| templates == 0) else { continue };
        let Ok(mut url) = base.join(written.trim()) else { continue };
        url.set_fragment(None);
        if !written.trim().is_empty() && matches!(url.scheme(), "http" | "https") && seen.insert(url.clone()) {
            found.push(Asset { url, kind });
        }
    }
    Some(found)
}

/// Kind and URL of the asset that a tag names.
fn named(tag: &Tag<'_>) -> Option<(AssetKind, String)> {
    let value = |name: &str| tag.attribute(name).map(|value| value.trim().to_ascii_lowercase()).unwrap_or_default();
    let url = |name: &str| tag.attribute(name).map(std::borrow::Cow::into_owned);
    if tag.opens("script") {
        let kind = value("type");
        let is_script = kind.is_empty() || kind == "module" || JAVASCRIPT.contains(&kind.as_str());
        return Some((AssetKind::Script, url("src").filter(|_| is_script)?));
    }
    if tag.opens("img") {
        return Some((AssetKind::Image, url("src")?));
    }
    if !tag.opens("link") {
        return None;
    }
    let rel = value("rel");
    let is = |name: &str| rel.split_ascii_whitespace().any(|token| token == name);
    let kind = match value("as").as_str() {
        _ if is("stylesheet") => (!is("alternate") && tag.attribute("disabled").is_none()).then_some(AssetKind::Style),
        _ if is("modulepreload") => Some(AssetKind::Script),
        _ if is("icon") || is("apple-touch-icon") => Some(AssetKind::Image),
        "script" if is("preload") => Some(AssetKind::Script),
        "style" if is("preload") => Some(AssetKind::Style),
        "image" if is("preload") => Some(AssetKind::Image),
        _ => None,
    };
    Some((kind?, url("href")?))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::expect::tests::response;

    fn found(page: &str) -> Vec<(AssetKind, String)> {
        assets(&response(200, page)).unwrap().into_iter().map(|asset| (asset.kind, asset.url.to_string())).collect()
    }

    #[test]
    fn assets_are_those_that_browsers_load() {
        let page = r#"<base href="/shop/"><link rel="stylesheet" href="a.css?v=1#x"><LINK REL=icon HREF=/favicon.ico>
            <link rel="modulepreload" href="/build/chunk.js"><link rel="preload" as="image" href="b.png">
            <link rel="alternate stylesheet" href="no.css"><link rel="canonical" href="/no">
            <script type="module" src="/build/app.js"></script><script>let a = '<img src="no.png">'</script>
            <script type="application/json" src="no.json"></script><img src="data:image/png;base64,AA=="><img src="">
            <img src="https://cdn.example/c.png"><img src="/build/../build/app.js">
            <template><img src="no.png"></template><noscript><img src="no.png"></noscript><!-- <img src="no.png"> -->"#;
        use AssetKind::{Image, Script, Style};
        let home = response(200, "").url;
        let at = |path: &str| home.join(path).unwrap().to_string();
        let expected = [
            (Style, at("/shop/a.css?v=1")),
            (Image, at("/favicon.ico")),
            (Script, at("/build/chunk.js")),
            (Image, at("/shop/b.png")),
            (Script, at("/build/app.js")),
            (Image, "https://cdn.example/c.png".to_owned()),
        ];
        assert_eq!(found(page), expected);
        assert_eq!(found("{\"a\": \"<b>\"}"), []);
    }

    #[test]
    fn asset_has_status_200_and_its_type() {
        let url = Url::parse("https://app.example/x").unwrap();
        let judged = |kind, status: u16, media_type: Option<&'static str>| {
            let headers: HeaderMap =
                media_type.into_iter().map(|value| (http::header::CONTENT_TYPE, value.parse().unwrap())).collect();
            let status = StatusCode::from_u16(status).unwrap();
            let response = Response { status, headers, ..response(200, "") };
            Asset { url: url.clone(), kind }.judge(&response).map_err(|mismatch| mismatch.kind)
        };
        for (kind, status, media_type, expected) in [
            (AssetKind::Script, 200, Some("text/javascript; charset=utf-8"), Ok(())),
            (AssetKind::Script, 200, Some("application/javascript"), Ok(())),
            (AssetKind::Script, 200, Some("text/html"), Err(FailureKind::Header)),
            (AssetKind::Script, 200, None, Err(FailureKind::Header)),
            (AssetKind::Script, 404, Some("text/javascript"), Err(FailureKind::Status)),
            (AssetKind::Style, 200, Some("text/css"), Ok(())),
            (AssetKind::Style, 200, Some("text/plain"), Err(FailureKind::Header)),
            (AssetKind::Image, 200, Some("image/svg+xml"), Ok(())),
            (AssetKind::Image, 206, Some("image/png"), Err(FailureKind::Status)),
        ] {
            assert_eq!(judged(kind, status, media_type), expected, "{kind:?} {status} {media_type:?}");
        }
    }
}
