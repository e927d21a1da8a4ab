//! The badge: title and state in one line, as an image.

use askama::Template;

use super::state::State;
use super::summary::Summary;

/// Width of a character, at the font size of the badge. The image stretches texts to it.
const CHARACTER: usize = 7;
/// Space around a text.
const MARGIN: usize = 7;

#[derive(Template)]
#[template(path = "badge.svg")]
struct Badge<'a> {
    title: &'a str,
    word: &'static str,
    colour: &'static str,
    margin: usize,
    /// Widths of both texts.
    left: usize,
    right: usize,
}

/// Renders the badge.
pub(super) fn badge(summary: &Summary) -> String {
    let width = |text: &str| text.chars().count() * CHARACTER;
    let word = summary.state.word();
    let badge = Badge {
        title: &summary.title,
        word,
        colour: match summary.state {
            State::Operational => "#1668c7",
            State::Maintenance => "#5b5f97",
            State::Unknown => "#57616c",
            State::Degraded => "#8a5a00",
            State::Down => "#c5262c",
        },
        margin: MARGIN,
        left: width(&summary.title),
        right: width(word),
    };
    badge.render().unwrap_or_default()
}
