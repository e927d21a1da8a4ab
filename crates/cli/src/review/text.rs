//! A review on the terminal.

use super::section::Section;
use crate::styled::{Styled, Tone};
use crate::{tables, terminal};

/// Renders the sections as tables.
pub(super) fn text(sections: &[Section]) -> Styled {
    let mut parts = Vec::new();
    for section in sections {
        if !parts.is_empty() {
            parts.push(Styled::default());
        }
        parts.push(Styled::new(Tone::Strong, &section.title));
        parts.extend(section.lines.iter().map(|line| Styled::from(line.as_str()).wrapped(terminal::columns())));
        if !section.rows.is_empty() {
            parts.push(tables::columns(section.header, section.rows.iter().cloned()));
        }
        if let Some(diff) = &section.diff {
            parts.extend(changed_lines(diff).map(Styled::from));
            parts.push(Styled::new(Tone::Faint, "--format markdown prints the whole diff, for `git apply`"));
        }
    }
    Styled::from_lines(parts)
}

/// Changed lines of a diff with their places. The lines around them are too long for a terminal.
fn changed_lines(diff: &str) -> impl Iterator<Item = &str> {
    diff.lines().filter(|line| !line.starts_with(' '))
}
