//! Readers that leave before the output ends, as `head` does.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use demo_platform::{DemoPlatform, Options};

use crate::cleanup::settings;
use crate::text;

/// Exit code of a program whose reader has left.
const READER_LEFT: Option<i32> = Some(141);
/// Longest time from then until the program ends.
const AT_ONCE: Duration = Duration::from_secs(1);

fn start(arguments: &[&str], variable: (&str, &str)) -> Child {
    Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(arguments)
        .env(variable.0, variable.1)
        .env("CI", "true")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads some lines and leaves. Returns what the program left, and the time it took to end.
fn leave_after(lines: usize, mut child: Child) -> (Output, Duration) {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..lines {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "fewer than {lines} lines");
    }
    drop(reader);
    let began = Instant::now();
    (child.wait_with_output().unwrap(), began.elapsed())
}

#[test]
fn commands_end_at_once_when_their_reader_leaves() {
    for (arguments, lines) in [
        (&["demo", "--port", "0"][..], 3),
        // The next run comes long after the reader has left.
        (&["demo", "--port", "0", "--every", "60s"], 14),
        (&["run", "--demo"], 1),
        (&["run", "--demo", "--format", "json"], 0),
        (&["faults"], 0),
        (&["settings", "schema"], 0),
        (&["cost", "--max", "1"], 0),
    ] {
        let (output, lasted) = leave_after(lines, start(arguments, ("COLUMNS", "80")));
        assert_eq!(output.status.code(), READER_LEFT, "{arguments:?}: {output:?}");
        assert!(lasted < AT_ONCE, "{arguments:?}: {lasted:?}");
        let said = text(&output.stderr);
        // The comparison with `--max` is not for the reader that left.
        assert!(said.is_empty() || arguments[0] == "cost" && said.contains(" over --max "), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn run_undoes_what_it_created_after_its_reader_left() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = settings("pipe.toml", &platform);
    let password = platform.credentials()["booking/password"].clone();
    let child = start(&["run", "--settings", &file], ("BOOKING_PASSWORD", &password));
    let created =
        || platform.requests().counts().get("POST /api/schools/{school}/bookings").copied().unwrap_or_default();
    let began = Instant::now();
    while created() == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", platform.requests().counts());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The reader leaves while the check runs.
    let (output, _) = tokio::task::spawn_blocking(|| leave_after(0, child)).await.unwrap();
    assert_eq!(output.status.code(), READER_LEFT, "{output:?}");
    // Nothing but where it keeps what it knows.
    let said = text(&output.stderr);
    assert!(said.starts_with("store: ") && said.lines().count() == 1, "{said}");
    assert_eq!(platform.leftovers(), [] as [String; 0]);
}
