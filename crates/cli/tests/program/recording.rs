//! Recording of the first minute, in the README: frames of a real terminal as an SVG. `UPDATE_RECORDING=1` writes it.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;
use vt100::{Cell, Color, Screen};

use crate::screen::Terminal;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/demo.svg");
/// Columns and lines of the terminal.
const SIZE: (u16, u16) = (80, 26);
/// Size of a character, and the margin around all, in pixels.
const CHARACTER: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;
/// Seconds for which each frame is shown.
const SECONDS: usize = 4;
/// The command that is recorded, as a reader would type it. The test's own runs faster.
const COMMAND: &str = "$ cargo demo --for 60s --fault double-booking-allowed";

/// Rows of the screen as SVG elements, and as plain text.
struct Frame {
    svg: String,
    text: String,
}

fn class(cell: &Cell) -> String {
    let color = match cell.fgcolor() {
        Color::Idx(1) => "failed",
        Color::Idx(2) => "passed",
        Color::Idx(3) => "unsure",
        Color::Idx(5) => "over",
        Color::Idx(6) => "quiet",
        _ => "",
    };
    let weight = if cell.bold() { " strong" } else { "" };
    let light = if cell.dim() { " faint" } else { "" };
    format!("{color}{weight}{light}").trim().to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The element of a text whose first character is in this place.
fn element(class: &str, text: &str, column: u16, row: usize) -> String {
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        return String::new();
    }
    let x = MARGIN + f64::from(column) * CHARACTER.0;
    let y = MARGIN + (row as f64 + 0.75) * CHARACTER.1;
    let width = trimmed.width() as f64 * CHARACTER.0;
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let text = escaped(trimmed);
    format!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\">{text}</text>\n")
}

fn frame(screen: &Screen) -> Frame {
    let mut svg = String::new();
    for row in 0..SIZE.1 {
        let (mut run, mut start, mut of_run) = (String::new(), 0, String::new());
        for column in 0..SIZE.0 {
            let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
            let class = class(cell);
            if class != of_run {
                svg.push_str(&element(&of_run, &run, start, usize::from(row) + 2));
                (run, start, of_run) = (String::new(), column, class);
            }
            if run.is_empty() && !cell.has_contents() {
                start = column + 1;
            } else {
                run.push_str(if cell.has_contents() { cell.contents() } else { " " });
            }
        }
        svg.push_str(&element(&of_run, &run, start, usize::from(row) + 2));
    }
    Frame { svg, text: screen.contents() }
}

fn svg(frames: &[Frame]) -> String {
    let width = f64::from(SIZE.0) * CHARACTER.0 + 2.0 * MARGIN;
    let height = f64::from(SIZE.1 + 2) * CHARACTER.1 + 2.0 * MARGIN;
    let (count, total) = (frames.len(), frames.len() * SECONDS);
    let share = 100.0 / count as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-labelledby=\"title\">\n\
         <title id=\"title\">synthetics demo: all checks pass, a fault is injected, an e-mail names the failing step, the \
         fault is cleared, and a table shows the state of each check</title>\n\
         <!-- Written by UPDATE_RECORDING=1 cargo test -p synthetics recording; do not edit. -->\n\
         <style>\n\
         svg {{ --back: #ffffff; --text: #1f2328; --faint: #59636e; --line: #d1d9e0; --failed: #c21e2b; --passed: #18702f; \
         --unsure: #7d5700; --over: #8b2fb0; --quiet: #0b6573 }}\n\
         @media (prefers-color-scheme: dark) {{ svg {{ --back: #0d1117; --text: #e6edf3; --faint: #9198a1; --line: #3d444d; \
         --failed: #ff7b72; --passed: #56d364; --unsure: #e3b341; --over: #d2a8ff; --quiet: #76d9e6 }} }}\n\
         rect {{ fill: var(--back); stroke: var(--line) }}\n\
         text {{ fill: var(--text); font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; \
         white-space: pre }}\n\
         .strong {{ font-weight: bold }} .faint {{ fill: var(--faint) }} .failed {{ fill: var(--failed) }} \
         .passed {{ fill: var(--passed) }} .unsure {{ fill: var(--unsure) }} .over {{ fill: var(--over) }} \
         .quiet {{ fill: var(--quiet) }}\n\
         .frame {{ visibility: hidden; animation: show {total}s step-end infinite }}\n\
         @keyframes show {{ 0% {{ visibility: visible }} {share:.3}%, 100% {{ visibility: hidden }} }}\n\
         @media (prefers-reduced-motion: reduce) {{ .frame {{ animation: none }} .last {{ visibility: visible }} }}\n\
         </style>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\"/>\n",
        width - 1.0,
        height - 1.0
    );
    out.push_str(&element("strong", COMMAND, 0, 0));
    for (frame, number) in frames.iter().zip(0..) {
        let last = if number + 1 == count { " last" } else { "" };
        // A negative delay, so that each frame is in its place from the start.
        let delay = number * SECONDS;
        let delay = if delay == 0 { 0 } else { total - delay };
        let _ = write!(out, "<g class=\"frame{last}\" style=\"animation-delay: -{delay}s\">\n{}</g>\n", frame.svg);
    }
    out.push_str("</svg>\n");
    out
}

/// What the recording must show as the program does, without numbers: the first screen, and the table at the end.
fn stable(frames: &[Frame]) -> Vec<String> {
    let first = frames.first().unwrap().text.lines();
    let last = frames.last().unwrap().text.lines().skip_while(|line| !line.starts_with("STATE "));
    first
        .chain(last)
        .map(|line| {
            let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            escaped(
                words.trim_end_matches('─').split(|c: char| c.is_ascii_digit()).next().unwrap_or_default().trim_end(),
            )
        })
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn recording_shows_the_current_program() {
    let demo = ["demo", "--for", "36s", "--every", "4s", "--fault", "double-booking-allowed", "--port", "0"];
    let mut terminal = Terminal::start(&demo, SIZE);
    let mut frames = Vec::new();
    for wanted in [
        &["All faults", " healthy", "Ctrl-C ends"][..],
        &["FAILING", "Ctrl-C ends"],
        &["SMS to oncall", "FAILING"],
        &["\nSTATE ", " of each check"],
    ] {
        let is_shown = terminal.wait(|screen| wanted.iter().all(|text| screen.contains(text)));
        assert!(is_shown, "{wanted:?}: {}", terminal.screen().contents());
        if wanted[0].starts_with("SMS") {
            terminal.scroll_to("e-mail to oncall");
        }
        frames.push(frame(terminal.screen()));
        terminal.scroll_to_end();
    }
    assert!(terminal.end().success());
    if std::env::var_os("UPDATE_RECORDING").is_some() {
        std::fs::write(PATH, svg(&frames)).unwrap();
    }
    let recorded = std::fs::read_to_string(PATH).unwrap_or_default();
    let plain: String =
        recorded.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect::<Vec<_>>().join(" ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in stable(&frames) {
        assert!(
            plain.contains(&text),
            "docs/demo.svg is outdated: UPDATE_RECORDING=1 cargo test -p synthetics recording: {text}"
        );
    }
}
