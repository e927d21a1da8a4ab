//! No command lets a text from a file or an argument control the terminal.

use crate::{DEMO, settings_file, synthetics, text};

#[test]
fn hostile_texts_do_not_reach_the_terminal() {
    // Escape sequences in both notations, reversed text, and a line that returns to its start.
    let hostile = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r";
    let file = settings_file(
        &format!("terminal-{}.toml", hostile.replace('\r', "")),
        &format!("{DEMO}\n# {hostile}\n\"{}\" = 1\n", "na\\u001bme\\u202e"),
    );
    let broken = settings_file("terminal-broken.toml", &format!("environment = {hostile}\n"));
    for arguments in [
        &["settings", "check", &file][..],
        &["settings", "check", &broken],
        &["settings", "show", &file],
        &["run", "--settings", &file],
        &["run", "--demo", hostile],
        &["doctor", "templates", hostile],
        &["mute", hostile, "--environment", "test", "--for", "1h", "--reason", "x"],
        &["incident", hostile, "--environment", "test"],
    ] {
        let output = synthetics(arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(!printed.is_empty(), "{arguments:?}");
        let live = printed.chars().find(|c| *c != '\n' && check::is_interpreted(*c));
        assert_eq!(live, None, "{arguments:?}: {printed:?}");
    }
}
