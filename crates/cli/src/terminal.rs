//! The terminal: whatever the program prints passes here, so that no text from outside can control it.

use std::fmt::{Arguments, Write as _};

use check::{is_interpreted, printable};
use serde::Serialize;

// These replace the standard macros in all modules below. Those also panic when the reader of a pipe ends first
// (`synthetics cost | head`); anstream's do not.
macro_rules! println {
    ($($text:tt)*) => { $crate::terminal::line(::std::format_args!($($text)*)) };
}
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::terminal::note(::std::format_args!($($text)*)) };
}

/// Prints one or more lines to standard output.
pub(crate) fn line(text: Arguments<'_>) {
    anstream::println!("{}", shown(&text.to_string()));
}

/// Prints one or more lines to standard error.
pub(crate) fn note(text: Arguments<'_>) {
    anstream::eprintln!("{}", shown(&text.to_string()));
}

/// Prints a value as JSON to standard output.
///
/// # Errors
/// When the value has no form in JSON.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<()> {
    anstream::println!("{}", escaped(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints a value as JSON on one line of standard output.
///
/// # Errors
/// When the value has no form in JSON.
pub(crate) fn json_line(value: &impl Serialize) -> serde_json::Result<()> {
    anstream::println!("{}", escaped(&serde_json::to_string(value)?));
    Ok(())
}

/// Replaces what a terminal would interpret or hide, except for line breaks.
fn shown(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Escapes what a terminal would interpret or hide in the strings of a JSON text.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_interpreted(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{9b}1m\r\tb\u{202e}\u{e0041}\u{7f}\n  æ  \u{ad}";

    #[test]
    fn text_cannot_control_the_terminal() {
        assert_eq!(shown(HOSTILE), "a\\u{1b}[2J\\u{9b}1m  b\\u{202e}\\u{e0041}\\u{7f}\n  æ  \\u{ad}");
    }

    #[test]
    fn json_keeps_its_value_without_control_characters() {
        let json = escaped(&serde_json::to_string_pretty(&[HOSTILE]).unwrap());
        assert!(!json.contains(|c| c != '\n' && is_interpreted(c)), "{json}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [HOSTILE]);
    }
}
