//! Section of a review, and the forms of its cells.

/// Columns of a table. Columns without a text are left out.
pub(super) const COLUMNS: usize = 8;
/// Row of a table.
pub(super) type Row = [String; COLUMNS];

/// Section of a review.
#[derive(Default)]
pub(super) struct Section {
    pub(super) title: String,
    /// Sentences above the table.
    pub(super) lines: Vec<String>,
    pub(super) header: [&'static str; COLUMNS],
    pub(super) rows: Vec<Row>,
    /// Unified diff below the table.
    pub(super) diff: Option<String>,
}

/// A row of fewer cells than columns.
pub(super) fn row<const N: usize>(cells: [String; N]) -> Row {
    let mut row = Row::default();
    row.iter_mut().zip(cells).for_each(|(own, cell)| *own = cell);
    row
}

/// A header of fewer titles than columns.
pub(super) fn header<const N: usize>(titles: [&'static str; N]) -> [&'static str; COLUMNS] {
    let mut header = [""; COLUMNS];
    header.iter_mut().zip(titles).for_each(|(own, title)| *own = title);
    header
}
