//! Style sheet, script and icons, embedded in the program.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

/// An embedded file.
struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset { name: $name, kind: $kind, body: include_str!(concat!("../assets/", $name)) }
    };
}

const ASSETS: &[Asset] = &[
    asset!("console.css", STYLE),
    asset!("review.css", STYLE),
    asset!("console.js", SCRIPT),
    asset!("charts.js", SCRIPT),
    asset!("uPlot.min.css", STYLE),
    asset!("uPlot.iife.min.js", SCRIPT),
    asset!("icon-good.svg", IMAGE),
    asset!("icon-bad.svg", IMAGE),
    asset!("icon-unsure.svg", IMAGE),
];

/// Digest of all files, so that browsers may keep what they have.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    ASSETS.iter().for_each(|asset| asset.body.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
});

/// Path of a file. It changes with the files.
pub(crate) fn path(name: &str) -> String {
    format!("/assets/{}/{name}", *DIGEST)
}

/// `GET /assets/…`.
pub(crate) async fn asset(Path((digest, name)): Path<(String, String)>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let kept = if digest == *DIGEST { "max-age=31536000, immutable" } else { "no-store" };
            let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, kept)];
            (headers, asset.body).into_response()
        }
        None => (StatusCode::NOT_FOUND, "expected the name of an asset\n").into_response(),
    }
}
