//! Output as people see it: in a terminal emulator, in pipes, and with colours.

use std::io::{Read, Write};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use vt100::Parser;

/// Longest wait for the program.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: std::process::Child,
    output: Receiver<Vec<u8>>,
    parser: Parser,
}

impl Terminal {
    /// Starts the program in a terminal of this size.
    pub(crate) fn start(arguments: &[&str], (columns, lines): (u16, u16)) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(lines, columns)).unwrap();
        // As `cargo demo` starts it from the root of the workspace, wherever the test was built. It heeds SIGHUP even if the tests
        // run below `nohup`.
        let start =
            "exec env --default-signal=HUP bash -c 'exec -a target/debug/synthetics \"$0\" \"$@\"' \"$0\" \"$@\"";
        let command = Command::new("bash").args(["-c", start, env!("CARGO_BIN_EXE_synthetics")]);
        let command =
            command.args(arguments).env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("COLUMNS");
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (sender, output) = channel();
        let reader = pty.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Reading fails when the program has ended.
            while let Ok(length @ 1..) = (&*reader).read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { pty, child, output, parser: Parser::new(lines, columns, 10_000) }
    }

    /// Changes the size of the terminal. As in others, lines leave it at the top when the cursor would not fit.
    pub(crate) fn resize(&mut self, (columns, lines): (u16, u16)) {
        let ((row, _), (last, _)) = (self.parser.screen().cursor_position(), self.parser.screen().size());
        if let Some(above @ 1..) = (row + 1).checked_sub(lines) {
            let scrolled = "\n".repeat(above.into());
            self.parser.process(format!("\x1b[{last}H{scrolled}\x1b[{lines}H").as_bytes());
        }
        self.pty.resize(Size::new(lines, columns)).unwrap();
        self.parser.screen_mut().set_size(lines, columns);
    }

    /// Reads output until the screen is as wanted, or the program ends. Returns true if it is as wanted.
    pub(crate) fn wait(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        let began = Instant::now();
        loop {
            if wanted(&self.parser.screen().contents()) {
                return true;
            }
            assert!(began.elapsed() < PATIENCE, "{}", self.parser.screen().contents());
            match self.output.recv_timeout(Duration::from_secs(5)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Like [`Self::wait`], until the program also prints nothing for a while.
    pub(crate) fn wait_until_quiet(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        loop {
            if !self.wait(&wanted) {
                return false;
            }
            match self.output.recv_timeout(Duration::from_millis(300)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn press_ctrl_c(&self) {
        self.type_keys("\x03");
    }

    /// Types at the keyboard.
    pub(crate) fn type_keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Reads the rest of the output.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.wait(|_| false);
        self.child.wait().unwrap()
    }

    /// Each line of the scrollback and the screen, and whether it goes on in the next line because it was too long.
    pub(crate) fn scrollback(&mut self) -> Vec<(String, bool)> {
        let screen = self.parser.screen_mut();
        screen.set_scrollback(usize::MAX);
        let (lines, columns) = screen.size();
        let mut rows = Vec::new();
        for offset in (0..=screen.scrollback()).rev() {
            screen.set_scrollback(offset);
            let shown = if offset == 0 { lines } else { 1 };
            rows.extend(screen.rows(0, columns).zip(0..shown).map(|(text, row)| (text, screen.row_wrapped(row))));
        }
        rows
    }

    /// Scrolls so that the first line with this text is at the top of the screen.
    pub(crate) fn scroll_to(&mut self, text: &str) {
        let above = self.scrollback().iter().position(|(line, _)| line.contains(text)).unwrap();
        let lines = self.scrollback().len() - usize::from(self.screen().size().0);
        self.parser.screen_mut().set_scrollback(lines.saturating_sub(above));
    }

    /// Scrolls back to the end.
    pub(crate) fn scroll_to_end(&mut self) {
        self.parser.screen_mut().set_scrollback(0);
    }

    /// The screen.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }
}

/// Recognizes a moment of the program by its screen.
type IsMoment = fn(&str) -> bool;

/// True for lines with something that people copy, which stays whole.
fn is_copied(line: &str) -> bool {
    ["://", "synthetics ", "curl ", "cargo "].iter().any(|start| line.contains(start))
}

#[test]
fn demo_fits_the_terminal_and_leaves_one_table() {
    let demo = ["demo", "--for", "28s", "--every", "4s", "--fault", "500", "--port", "0"];
    let cases = [((80, 24), (60, 20)), ((120, 40), (80, 24)), ((60, 20), (120, 40))];
    thread::scope(|scope| {
        for (size, then) in cases {
            scope.spawn(move || {
                let mut terminal = Terminal::start(&demo, size);
                assert!(terminal.wait(|screen| screen.contains("Ctrl-C ends")), "{size:?}");
                let screen = terminal.screen().contents();
                assert!(screen.contains(" healthy: availability 5, "), "{size:?}: {screen}");
                let is_failing = |screen: &str| screen.contains("FAILING ");
                assert!(terminal.wait(is_failing), "{size:?}: {}", terminal.screen().contents());
                let screen = terminal.screen().contents();
                // Unless all are unhealthy.
                let healthy = screen.find(" healthy: ");
                assert!(healthy.is_none_or(|healthy| screen.find("FAILING ") < Some(healthy)), "{screen}");

                // Between two runs, so that no output for the old size is on its way.
                assert!(terminal.wait_until_quiet(|screen| screen.contains("Ctrl-C ends")), "{size:?}");
                terminal.resize(then);
                terminal.wait(|screen| screen.contains("cleared"));
                let status = terminal.end();
                let lines = terminal.scrollback();
                let text: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
                let text = text.join("\n");
                assert!(status.success(), "{size:?}: {text}");
                let long = lines.iter().find(|(line, is_long)| *is_long && !is_copied(line));
                assert_eq!(long, None, "{size:?}: {text}");
                // The steps of two attempts keep a line each.
                assert!(text.contains("second attempt"), "{size:?}: {text}");
                assert!(!lines.iter().any(|(line, _)| line.trim() == "ms"), "{size:?}: {text}");
                assert_eq!(text.matches("\nSTATE ").count(), 1, "{size:?}: {text}");
                let (_, end) = text.split_once("\nSTATE ").unwrap();
                assert!(!end.contains("Subject:") && end.contains(" of each check, "), "{size:?}: {text}");
                assert!(!text.contains(" healthy: ") && !text.contains("Ctrl-C ends"), "{size:?}: {text}");
            });
        }
    });
}

#[test]
fn resizing_keeps_what_was_printed() {
    let moments: [(&str, IsMoment); 4] = [
        ("first check", |screen| screen.contains("run 1: ")),
        ("in a run", |screen| screen.contains(": payment-webhook (")),
        ("between runs", |screen| screen.contains("Ctrl-C ends the demo; ")),
        ("a failure", |screen| screen.contains("FAILING ") && screen.contains("Ctrl-C ends")),
    ];
    // As far as the lines fit the narrowest terminal.
    let printed = |terminal: &mut Terminal| -> Vec<String> {
        let lines = terminal.scrollback();
        terminal.scroll_to_end();
        lines.iter().map(|(line, _)| line.chars().take(40).collect::<String>().trim_end().to_owned()).collect()
    };
    let mut terminal =
        Terminal::start(&["demo", "availability", "payment-webhook", "--fault", "500", "--port", "0"], (80, 24));
    let mut before = Vec::new();
    for (moment, is_moment) in moments {
        assert!(terminal.wait_until_quiet(is_moment), "{moment}");
        for size in [(60, 20), (40, 10), (60, 20), (80, 24)] {
            terminal.resize(size);
            let columns = usize::from(size.0) - 1;
            let is_redrawn =
                |screen: &str| screen.lines().any(|line| line.starts_with('─') && line.chars().count() == columns);
            assert!(terminal.wait_until_quiet(is_redrawn), "{moment}, {size:?}");
            let mut after = printed(&mut terminal);
            // The rule above the live lines.
            after.truncate(after.iter().rposition(|line| line.starts_with("───")).unwrap());
            let text = after.join("\n");
            assert!(after.starts_with(&before), "{moment}, {size:?}: {}\n\nbecame\n\n{text}", before.join("\n"));
            assert!(text.contains("All faults") && !text.contains("STATE "), "{moment}, {size:?}: {text}");
            before = after;
        }
    }
    terminal.press_ctrl_c();
    assert_eq!(terminal.end().code(), Some(130));
    let after = printed(&mut terminal);
    let text = after.join("\n");
    assert!(after.starts_with(&before), "{}\n\nbecame\n\n{text}", before.join("\n"));
    assert_eq!(text.matches("\nSTATE ").count(), 1, "{text}");
    assert!(!text.contains(" healthy: ") && !text.contains("Ctrl-C ends"), "{text}");
}

#[test]
fn signal_in_the_demo_leaves_one_table_and_its_answer() {
    // It waits two seconds for the effect of its event, so that no drawing of it is missed.
    let in_a_run = |screen: &str| screen.contains("run 1: payment-webhook (");
    let in_the_first_check = |screen: &str| screen.contains("run 1: ");
    let between_runs = |screen: &str| screen.contains("Ctrl-C ends the demo; ");
    let moments: [(&str, IsMoment); 3] =
        [("first check", in_the_first_check), ("in a run", in_a_run), ("between runs", between_runs)];
    thread::scope(|scope| {
        for (size, (moment, is_moment)) in [(80, 24), (60, 20)].into_iter().flat_map(|size| moments.map(|m| (size, m)))
        {
            scope.spawn(move || {
                for (signal, code) in [(None, 130), (Some(Signal::SIGTERM), 143), (Some(Signal::SIGHUP), 129)] {
                    let mut terminal = Terminal::start(&["demo", "--every", "1m", "--port", "0"], size);
                    assert!(terminal.wait(is_moment), "{size:?}, {moment}");
                    match signal {
                        None => terminal.press_ctrl_c(),
                        Some(signal) => terminal.signal(signal),
                    }
                    let status = terminal.end();
                    let lines = terminal.scrollback();
                    let text: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
                    let text = text.join("\n");
                    let case = format!("{size:?}, {moment}, {signal:?}: {text}");
                    assert_eq!(status.code(), Some(code), "{case}");
                    let answer = "\nstopping and undoing; a second signal ends at once\n";
                    assert_eq!(text.matches(answer).count(), 1, "{case}");
                    assert_eq!(text.matches("\nSTATE ").count(), 1, "{case}");
                    let counted = if moment == "between runs" {
                        "\n1 run of each check, 0 "
                    } else {
                        "\nstopped in the first run, 0 "
                    };
                    assert!(text.contains(counted), "{case}");
                    for rest in [" healthy: ", "run 1: ", "Ctrl-C ends", "───", "^C"] {
                        assert!(!text.contains(rest), "{rest}: {case}");
                    }
                }
            });
        }
    });
}

#[test]
fn run_shows_progress_and_leaves_only_results() {
    let mut terminal = Terminal::start(&["run", "availability", "--demo", "--fault", "slow"], (80, 24));
    assert!(terminal.wait(|screen| screen.contains("running availability (1 of 1, ")));
    assert!(terminal.wait(|screen| screen.contains(" s)")), "{}", terminal.screen().contents());
    assert!(terminal.end().success());
    let screen = terminal.screen().contents();
    assert!(screen.starts_with("availability: passed, ") && !screen.contains("running"), "{screen}");
}

#[test]
fn signal_in_a_run_leaves_its_answer_and_results() {
    let mut terminal = Terminal::start(&["run", "availability", "--demo", "--fault", "slow"], (60, 20));
    assert!(terminal.wait(|screen| screen.contains("running availability (1 of 1, ")));
    terminal.press_ctrl_c();
    assert_eq!(terminal.end().code(), Some(130));
    let screen = terminal.screen().contents();
    assert!(screen.starts_with("stopping and undoing; a second signal ends at once\navailability: "), "{screen}");
    assert!(!screen.contains("running") && !screen.contains("^C"), "{screen}");
}

#[test]
fn value_over_a_threshold_is_marked_by_colour_and_word() {
    let mut terminal = Terminal::start(&["run", "application", "--demo", "--fault", "slow-queries-spike"], (80, 40));
    assert!(terminal.end().success());
    let screen = terminal.screen().contents();
    let (row, column) =
        (0..).zip(screen.lines()).find_map(|(row, line)| Some((row, line.find("over 50 queries")?))).unwrap();
    let cell = terminal.screen().cell(row, u16::try_from(column).unwrap()).unwrap();
    assert_eq!((cell.fgcolor(), cell.bold()), (vt100::Color::Idx(5), true), "{screen}");
}
