//! Text with colours, laid out in the columns of a terminal.

use std::fmt::{Display, Formatter, Result};

use anstyle::{AnsiColor, Style};
use check::printable;
use unicode_width::UnicodeWidthChar;

/// Columns between two cells of a table, and between a label and its value.
const GAP: usize = 2;
/// Programs whose command lines are never broken, so that they can be copied.
const PROGRAMS: [&str; 5] = ["aws", "cargo", "curl", "sam", "synthetics"];

/// Meaning of a piece of text, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Text without a colour.
    #[default]
    Plain,
    /// Headings.
    Strong,
    /// Text that matters less.
    Faint,
    /// Passed, healthy.
    Passed,
    /// Failed.
    Failed,
    /// Inconclusive, recovering, leftovers, warnings.
    Inconclusive,
    /// Maintenance, skipped.
    Maintenance,
    /// A value beyond a threshold.
    Over,
}

impl Tone {
    fn style(self) -> Style {
        let color = |color: AnsiColor| color.on_default();
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Passed => color(AnsiColor::Green),
            Self::Failed => color(AnsiColor::Red).bold(),
            Self::Inconclusive => color(AnsiColor::Yellow),
            Self::Maintenance => color(AnsiColor::Cyan),
            Self::Over => color(AnsiColor::Magenta).bold(),
        }
    }
}

/// Text of one or more lines, each character with a tone. A terminal interprets none of its characters but the line breaks:
/// they are replaced on the way in, before any colour is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Styled(Vec<(char, Tone)>);

impl Styled {
    /// A text in one tone.
    pub(crate) fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self::default().with(tone, text)
    }

    /// Appends a text in a tone.
    pub(crate) fn with(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.push(tone, text);
        self
    }

    /// Appends a text in a tone.
    pub(crate) fn push(&mut self, tone: Tone, text: impl AsRef<str>) {
        for (index, line) in text.as_ref().split('\n').enumerate() {
            if index > 0 {
                self.0.push(('\n', Tone::Plain));
            }
            self.0.extend(printable(line).chars().map(|c| (c, tone)));
        }
    }

    /// Appends another text.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Joins lines.
    pub(crate) fn from_lines(lines: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                joined.push(Tone::Plain, "\n");
            }
            joined.append(&line);
        }
        joined
    }

    /// Each line of the text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.split(|(c, _)| *c == '\n').map(|line| Self(line.to_vec()))
    }

    /// True without a character.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text without spaces at its ends.
    pub(crate) fn trimmed(&self) -> Self {
        let is_text = |(c, _): &(char, Tone)| *c != ' ';
        let start = self.0.iter().position(is_text).unwrap_or(self.0.len());
        let end = self.0.iter().rposition(is_text).map_or(start, |last| last + 1);
        Self(self.0[start..end].to_vec())
    }

    /// Columns of the longest line.
    pub(crate) fn width(&self) -> usize {
        self.0.split(|(c, _)| *c == '\n').map(width).max().unwrap_or_default()
    }

    /// Cuts each line to a width, ending in `…` where something was cut off.
    pub(crate) fn cut(&self, columns: usize) -> Self {
        Self::from_lines(self.lines().map(|line| line.cut_line(columns)))
    }

    fn cut_line(self, columns: usize) -> Self {
        if width(&self.0) <= columns {
            return self;
        }
        let mut used = 1;
        let fits = |(c, _): &(char, Tone)| {
            used += columns_of(*c);
            used <= columns
        };
        let mut line: Vec<_> = self.0.into_iter().take_while(fits).collect();
        let tone = line.last().map_or(Tone::Plain, |(_, tone)| *tone);
        line.push(('…', tone));
        Self(line)
    }

    /// Moves each line to the right.
    pub(crate) fn indented(&self, columns: usize) -> Self {
        let indent = " ".repeat(columns);
        Self::from_lines(self.lines().map(|line| {
            let mut moved = Self::new(Tone::Plain, if line.is_empty() { "" } else { &indent });
            moved.append(&line);
            moved
        }))
    }

    /// Fills the last line with spaces up to a width.
    pub(crate) fn pad_to(&mut self, columns: usize) {
        let used = self.lines().last().map_or(0, |line| width(&line.0));
        self.push(Tone::Plain, " ".repeat(columns.saturating_sub(used)));
    }

    /// Breaks lines between words to fit a width. The rest of a broken line is indented as far as its value, if it begins with
    /// a label, and as far as its text otherwise. Addresses, command lines and text in backticks are never broken, so that
    /// they can be copied; one that is longer than a line takes a line of its own. Other words of that length are broken.
    pub(crate) fn wrapped(&self, columns: usize) -> Self {
        Self::from_lines(
            self.lines().map(|line| if width(&line.0) <= columns { line } else { wrapped_line(&line.0, columns) }),
        )
    }

    /// The text with the codes that colour it.
    pub(crate) fn ansi(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for run in self.0.chunk_by(|(_, one), (_, other)| one == other) {
            let style = run.first().map_or(Style::new(), |(_, tone)| tone.style());
            let text: String = run.iter().map(|(c, _)| c).collect();
            out.push_str(&format!("{style}{text}{style:#}"));
        }
        out
    }
}

impl Display for Styled {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.iter().try_for_each(|(c, _)| write!(f, "{c}"))
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl From<&str> for Styled {
    fn from(text: &str) -> Self {
        Self::new(Tone::Plain, text)
    }
}

fn columns_of(c: char) -> usize {
    c.width().unwrap_or_default()
}

fn width(line: &[(char, Tone)]) -> usize {
    line.iter().map(|(c, _)| columns_of(*c)).sum()
}

fn wrapped_line(line: &[(char, Tone)], columns: usize) -> Styled {
    let (mut out, mut used) = (Styled::default(), 0);
    let hanging = hanging_indent(line, columns);
    for (spaces, word) in words(line) {
        let length = width(word);
        if length > columns && !is_copied(word) {
            out.push(Tone::Plain, " ".repeat(spaces));
            used += spaces;
            for (c, tone) in word {
                if used + columns_of(*c) > columns {
                    out.push(Tone::Plain, format!("\n{}", " ".repeat(hanging)));
                    used = hanging;
                }
                out.0.push((*c, *tone));
                used += columns_of(*c);
            }
            continue;
        }
        if used > 0 && used + spaces + length > columns {
            out.push(Tone::Plain, "\n");
            // A word that does not fit next to the label begins further left.
            used = if hanging + length <= columns { hanging } else { columns.saturating_sub(length).min(GAP) };
            out.push(Tone::Plain, " ".repeat(used));
        } else {
            out.push(Tone::Plain, " ".repeat(spaces));
            used += spaces;
        }
        out.0.extend_from_slice(word);
        used += length;
    }
    out
}

/// True for what people copy: addresses, command lines and code.
fn is_copied(word: &[(char, Tone)]) -> bool {
    let is_address = word.windows(3).any(|three| three.iter().map(|(c, _)| *c).eq("://".chars()));
    is_address || word.iter().any(|(c, _)| *c == ' ')
}

/// Columns before the text of a line, its bullet or its label.
fn hanging_indent(line: &[(char, Tone)], columns: usize) -> usize {
    let mut words = words(line);
    let (first, word) = words.next().unwrap_or_default();
    if word.len() == 1 && !word[0].0.is_alphanumeric() {
        return first + GAP;
    }
    let mut used = first + width(word);
    for (spaces, word) in words {
        if spaces >= GAP {
            return if used + spaces <= columns / 2 { used + spaces } else { first };
        }
        used += spaces + width(word);
    }
    first
}

/// Reports whether a text is a program, with or without its path, and its arguments.
fn is_command(text: &[(char, Tone)]) -> bool {
    let Some(end) = text.iter().position(|(c, _)| *c == ' ') else { return false };
    let path: String = text[..end].iter().map(|(c, _)| *c).collect();
    PROGRAMS.contains(&path.rsplit('/').next().unwrap_or_default())
}

/// Splits a line into words, each with the number of spaces before it.
fn words(line: &[(char, Tone)]) -> impl Iterator<Item = (usize, &[(char, Tone)])> {
    let mut rest = line;
    let mut is_first = true;
    std::iter::from_fn(move || {
        let spaces = rest.iter().take_while(|(c, _)| *c == ' ').count();
        rest = &rest[spaces..];
        if rest.is_empty() {
            return None;
        }
        let length = if (is_first || spaces >= GAP) && is_command(rest) {
            rest.len()
        } else {
            let mut is_code = false;
            let end = rest.iter().position(|(c, _)| {
                is_code ^= *c == '`';
                *c == ' ' && !is_code
            });
            // A single backtick encloses nothing.
            end.or_else(|| is_code.then(|| rest.iter().position(|(c, _)| *c == ' '))?).unwrap_or(rest.len())
        };
        is_first = false;
        let (word, after) = rest.split_at(length);
        rest = after;
        Some((spaces, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{9b}1m\r\tb\u{202e}\u{e0041}\u{7f}\n  æ  \u{ad}";

    #[test]
    fn text_cannot_control_the_terminal() {
        let cleaned = "a\\u{1b}[2J\\u{9b}1m  b\\u{202e}\\u{e0041}\\u{7f}\n  æ  \\u{ad}";
        assert_eq!(Styled::from(HOSTILE).ansi(), cleaned);
        // Colours are added after the text was cleaned, and end where it ends.
        let coloured = Styled::new(Tone::Passed, "\u{1b}[31m").with(Tone::Plain, HOSTILE).ansi();
        assert_eq!(coloured, format!("\u{1b}[32m\\u{{1b}}[31m\u{1b}[0m{cleaned}"));
    }

    #[test]
    fn lines_are_cut_by_display_width() {
        for (text, columns, expected) in [
            ("køreskole", 9, "køreskole"),
            ("køreskole", 5, "køre…"),
            ("日本語テキスト", 7, "日本語…"),
            ("日本語テキスト", 6, "日本…"),
            ("e\u{301}te\u{301}s", 3, "e\u{301}t…"),
            ("one\ntwenty", 4, "one\ntwe…"),
        ] {
            let cut = Styled::from(text).cut(columns);
            assert_eq!(cut.to_string(), expected, "{text}");
            assert!(cut.width() <= columns, "{text}");
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        let url = "https://runbooks.example/availability.md";
        for (name, text, columns, expected) in [
            ("a short line", "as it  is", 20, "as it  is".to_owned()),
            ("a sentence", "one two three four", 9, "one two\nthree\nfour".to_owned()),
            ("an indented sentence", "  one two three", 9, "  one two\n  three".to_owned()),
            ("a bullet", "- one two three", 9, "- one two\n  three".to_owned()),
            ("a value", "  Actual   one two three four", 24, "  Actual   one two three\n           four".to_owned()),
            (
                "a long label",
                "  a label of some length  one two",
                30,
                "  a label of some length  one\n  two".to_owned(),
            ),
            ("an address", &format!("  Runbook  {url}"), 42, format!("  Runbook\n  {url}")),
            ("an address longer than a line", &format!("see {url} now"), 30, format!("see\n{url}\nnow")),
            (
                "a command",
                "  Mute     synthetics mute booking --for 1h",
                38,
                "  Mute\n  synthetics mute booking --for 1h".to_owned(),
            ),
            (
                "a command with a path",
                "  All      target/debug/synthetics faults --json",
                40,
                "  All\n  target/debug/synthetics faults --json".to_owned(),
            ),
            ("code", "then `synthetics faults` lists", 20, "then\n`synthetics faults`\nlists".to_owned()),
            ("a single backtick", "one ` two three", 9, "one ` two\nthree".to_owned()),
            (
                "a long word",
                "  Actual  abcdefghijklmnopqrstuvwxyz",
                20,
                "  Actual  abcdefghij\n          klmnopqrst\n          uvwxyz".to_owned(),
            ),
            ("wide characters", "日本 語テ キスト", 9, "日本 語テ\nキスト".to_owned()),
        ] {
            assert_eq!(Styled::from(text).wrapped(columns).to_string(), expected, "{name}");
        }
    }

    #[test]
    fn colours_survive_cutting_and_wrapping() {
        let text = Styled::new(Tone::Failed, "failed step").with(Tone::Plain, " of a flow");
        assert_eq!(text.cut(7).ansi(), "\u{1b}[1m\u{1b}[31mfailed…\u{1b}[0m");
        assert_eq!(
            text.wrapped(8).ansi(),
            "\u{1b}[1m\u{1b}[31mfailed\u{1b}[0m\n\u{1b}[1m\u{1b}[31mstep\u{1b}[0m of\na flow"
        );
    }
}
