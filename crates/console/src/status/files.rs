//! The files of the page.

use history::History;
use jiff::Timestamp;
use runtime::PortError;

use super::records::read;
use super::{badge, feed, json, page};
use crate::status_settings::StatusSettings;

/// Files of the page: name and content. The page itself is the last, since it refers to the others.
///
/// # Errors
/// When the history cannot be read.
pub async fn status_files(
    history: &dyn History,
    settings: &StatusSettings,
    now: Timestamp,
) -> Result<Vec<(&'static str, String)>, PortError> {
    let summary = read(history, settings, now).await?;
    Ok(vec![
        ("status.css", page::STYLE.to_owned()),
        ("status.json", json::json(&summary)),
        ("badge.svg", badge::badge(&summary)),
        ("feed.atom", feed::feed(&summary)),
        ("index.html", page::page(&summary, "")),
    ])
}
