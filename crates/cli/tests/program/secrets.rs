//! `synthetics secrets set` at a terminal.

use crate::screen::Terminal;

#[test]
fn typed_secret_is_not_shown_and_its_mistakes_are_named() {
    for (typed, expected) in
        [("hunter2-hunter2 \r", "the secret ends with a space"), ("\r", "expected a secret, found nothing")]
    {
        let mut terminal =
            Terminal::start(&["secrets", "set", "login/password", "--environment", "staging"], (120, 24));
        // The prompt appears just before the echo is off.
        assert!(terminal.wait_until_quiet(|screen| screen.contains("/login/password (not shown):")));
        terminal.type_keys(typed);
        let status = terminal.end();
        let screen = terminal.screen().contents();
        assert_eq!(status.code(), Some(2), "{screen}");
        assert!(screen.contains(expected) && !screen.contains("hunter2"), "{screen}");
    }
}
