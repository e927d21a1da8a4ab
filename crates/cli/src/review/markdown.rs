//! A review as Markdown.

use operations::markdown::plain;

use super::section::Section;

/// Renders the sections with headings and tables.
pub(super) fn markdown(sections: &[Section]) -> String {
    let mut parts = Vec::new();
    for (number, section) in sections.iter().enumerate() {
        parts.push(format!("{} {}", if number == 0 { "#" } else { "##" }, section.title));
        if !section.lines.is_empty() {
            parts.push(section.lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n\n"));
        }
        let is_filled = |column: usize| section.rows.iter().any(|row| !row[column].is_empty());
        let columns: Vec<usize> = (0..section.header.len()).filter(|column| is_filled(*column)).collect();
        if !columns.is_empty() {
            let line = |cell: &dyn Fn(usize) -> String| {
                format!("| {} |", columns.iter().map(|column| cell(*column)).collect::<Vec<_>>().join(" | "))
            };
            let mut lines = vec![line(&|column| section.header[column].to_lowercase()), line(&|_| "---".to_owned())];
            lines.extend(section.rows.iter().map(|row| line(&|column| plain(&row[column]))));
            parts.push(lines.join("\n"));
        }
        if let Some(diff) = &section.diff {
            parts.push(format!("```diff\n{}\n```", diff.trim_end()));
        }
    }
    parts.join("\n\n")
}
