//! The terminal: whatever the program prints passes here, so that no text from outside can control it, every line fits, and
//! a reader that leaves is noticed.

use std::fmt::{Arguments, Write as _};
use std::io::{ErrorKind, IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use check::is_interpreted;
use serde::Serialize;
use tokio::sync::Notify;

use crate::arguments::View;
use crate::live;
use crate::stream::Stream;
use crate::styled::{Styled, Tone};

static IS_WIDE: AtomicBool = AtomicBool::new(false);
static IS_VERBOSE: AtomicBool = AtomicBool::new(false);
static IS_CLOSED: AtomicBool = AtomicBool::new(false);
static HAS_FAILED: AtomicBool = AtomicBool::new(false);
static WAS_TERMINAL: AtomicBool = AtomicBool::new(false);
static CLOSED: Notify = Notify::const_new();

// These replace the standard macros in all modules below. Those neither clean nor wrap, and panic when the reader of a pipe
// ends first.
macro_rules! println {
    ($($text:tt)*) => { $crate::terminal::line(::std::format_args!($($text)*)) };
}
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::terminal::note(::std::format_args!($($text)*)) };
}

/// Applies the options about output for people.
pub(crate) fn set_view(view: &View) {
    IS_WIDE.store(view.wide, Ordering::Relaxed);
    IS_VERBOSE.store(view.verbose, Ordering::Relaxed);
    WAS_TERMINAL.store(stdout().is_terminal(), Ordering::Relaxed);
    let choice = match view.color {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Columns of standard output: those of the terminal, or else `COLUMNS`, or else 80.
pub(crate) fn columns() -> usize {
    if is_wide() { usize::MAX } else { Stream::Output.columns() }
}

/// True with `--wide`.
pub(crate) fn is_wide() -> bool {
    IS_WIDE.load(Ordering::Relaxed)
}

/// True with `--verbose`.
pub(crate) fn is_verbose() -> bool {
    IS_VERBOSE.load(Ordering::Relaxed)
}

/// The text for standard output that does not pass [`print`]: with colours if they are on.
pub(crate) fn rendered(text: &Styled) -> String {
    match AutoStream::choice(&stdout()) {
        ColorChoice::Never => text.to_string(),
        _ => text.ansi(),
    }
}

/// Prints lines to standard output.
pub(crate) fn line(text: Arguments<'_>) {
    print(&Styled::from(text.to_string()));
}

/// Prints lines with colours to standard output.
pub(crate) fn print(text: &Styled) {
    write(&text.wrapped(columns()).ansi());
}

/// Prints lines to standard error, above the live lines if there are any.
pub(crate) fn note(text: Arguments<'_>) {
    // Editors and scripts read errors by line, with file and key on the same one.
    let columns = if is_wide() { usize::MAX } else { Stream::Error.columns_or(usize::MAX) };
    let mut text = text.to_string();
    let mut styled = Styled::default();
    // As clap does for its own errors.
    for (start, tone) in [("error:", Tone::Failed), ("warning:", Tone::Inconclusive)] {
        if let Some(rest) = text.strip_prefix(start) {
            styled.push(tone, start);
            text = rest.to_owned();
        }
    }
    styled.push(Tone::Plain, text);
    // Without standard error, there is no one to notify.
    let _ = live::above(|| writeln!(anstream::stderr(), "{}", styled.wrapped(columns).ansi()));
}

/// Prints a text for programs to standard output, such as XML, JSON or TOML: its lines keep their length.
pub(crate) fn document(text: &str) {
    write(&Styled::from(text).to_string());
}

/// Prints a value as JSON to standard output.
///
/// # Errors
/// When the value has no form in JSON.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<()> {
    write(&escaped(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints a value as JSON on one line of standard output.
///
/// # Errors
/// When the value has no form in JSON.
pub(crate) fn json_line(value: &impl Serialize) -> serde_json::Result<()> {
    write(&escaped(&serde_json::to_string(value)?));
    Ok(())
}

/// Watches for the end of the reader of standard output.
pub(crate) async fn watch_reader() {
    hung_up().await;
    close();
}

/// True once the reader of standard output has left. Nothing can be printed any more.
pub(crate) fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

/// Completes when the reader of standard output leaves.
pub(crate) async fn reader_left() {
    let closed = CLOSED.notified();
    if !is_closed() {
        closed.await;
    }
}

/// True if standard output was a terminal, and that is closed.
pub(crate) fn has_hung_up() -> bool {
    WAS_TERMINAL.load(Ordering::Relaxed) && !stdout().is_terminal()
}

/// True when something could not be printed for another reason than a reader that left.
pub(crate) fn has_failed() -> bool {
    HAS_FAILED.load(Ordering::Relaxed)
}

fn close() {
    IS_CLOSED.store(true, Ordering::Relaxed);
    CLOSED.notify_waiters();
}

/// Completes when standard output is a pipe whose other end is closed.
#[cfg(unix)]
async fn hung_up() {
    use std::os::fd::AsFd;

    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;

    let own = if stdout().is_terminal() { None } else { stdout().as_fd().try_clone_to_owned().ok() };
    // Files cannot be watched, and have no reader that leaves.
    // Unchecked, because the checked way would let writes fail that now wait for the reader. Nothing is written here.
    match own.and_then(|own| Sender::from_owned_fd_unchecked(own).ok()) {
        Some(pipe) if pipe.ready(Interest::ERROR).await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

/// Other systems notice it when the program prints.
#[cfg(not(unix))]
async fn hung_up() {
    std::future::pending().await
}

/// The one place that writes to standard output, above the live lines if there are any.
fn write(text: &str) {
    if is_closed() {
        return;
    }
    let mut out = anstream::stdout();
    written(live::above(|| writeln!(out, "{text}").and_then(|()| out.flush())));
}

/// Prints the program's own bytes to standard output as they are, such as a manual page.
pub(crate) fn raw(text: &[u8]) {
    written(stdout().write_all(text).and_then(|()| stdout().flush()));
}

/// Notes whether something could be printed. A reader that left needs no more; any other reason is an error.
pub(crate) fn written(result: std::io::Result<()>) {
    let Err(error) = result else { return };
    close();
    if error.kind() != ErrorKind::BrokenPipe {
        HAS_FAILED.store(true, Ordering::Relaxed);
        note(format_args!("error: failed to print: {error}"));
    }
}

/// Escapes what a terminal would interpret or hide in the strings of a JSON text.
pub(crate) fn escaped(json: &str) -> String {
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

/// Shows the price of a search of logs before it is made.
pub(crate) fn show_search_price(usd: f64) {
    match format!("{usd:.2}").as_str() {
        "0.00" => eprintln!("searching the logs for less than 0.01 USD"),
        usd => eprintln!("searching the logs for about {usd} USD"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_value_without_control_characters() {
        let hostile = "a\u{1b}[2J\u{9b}1m\r\tb\u{202e}\u{e0041}\u{7f}\n  æ  \u{ad}";
        let json = escaped(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(!json.contains(|c| c != '\n' && is_interpreted(c)), "{json}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [hostile]);
    }
}
