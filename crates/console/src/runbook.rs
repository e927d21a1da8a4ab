//! Runbooks, as pages.

use operations::shipped_files;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Where links to other files of the repository lead.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbooks/");

/// The runbook of a check in HTML; `None` without one. Within a page, its headings are one level lower.
pub(crate) fn html(check: &str, is_within: bool) -> Option<String> {
    let text = shipped_files::runbook(check)?;
    let mut out = String::new();
    html::push_html(
        &mut out,
        Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| lowered(with_link(event), is_within)),
    );
    Some(out)
}

/// Makes links between files lead to the repository. The runbooks are ours, so nothing else is changed.
fn with_link(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let is_file = !dest_url.contains("://") && !dest_url.starts_with('#');
            let dest_url = if is_file { CowStr::from(format!("{REPOSITORY}{dest_url}")) } else { dest_url };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        // A runbook has no markup but Markdown.
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        event => event,
    }
}

fn lowered(event: Event<'_>, is_within: bool) -> Event<'_> {
    let lower = |level: HeadingLevel| HeadingLevel::try_from(level as usize + 1).unwrap_or(level);
    match event {
        Event::Start(Tag::Heading { level, id, classes, attrs }) if is_within => {
            Event::Start(Tag::Heading { level: lower(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) if is_within => Event::End(TagEnd::Heading(lower(level))),
        event => event,
    }
}
