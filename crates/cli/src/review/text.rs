//! A review on the terminal.

use super::sections::Section;
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
        if let Some(code) = &section.code {
            parts.push(Styled::from(code.trim_end()));
        }
    }
    Styled::from_lines(parts)
}
