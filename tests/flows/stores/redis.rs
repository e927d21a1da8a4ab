//! Replies of Redis's protocol.

use hostile::Action;

use super::message::Replacement;
use super::texts::{odd, rewritten};
use crate::behavior::{Behavior, FORGED};

const LONG: usize = 900_000;
const LENGTHS: [&str; 4] = ["$2147483647", "$9223372036854775807", "=2147483647", "!9223372036854775807"];
const COUNTS: [&str; 6] = [
    "*2147483647",
    "*9223372036854775807",
    "%4611686018427387904",
    "~2147483647",
    ">9223372036854775807",
    "|4611686018427387904",
];
/// Small values, of which a reply can have many.
const VALUES: [&str; 3] = [":1\r\n", "_\r\n", "*0\r\n"];
const NESTED: [&str; 4] = ["*1\r\n", "*2147483647\r\n", "%4611686018427387904\r\n", "~9\r\n"];
const ERRORS: [&str; 7] =
    ["ERR", "WRONGPASS", "NOAUTH", "LOADING", "MOVED 1", "ERR max number of clients", "X\u{1b}[2J"];

/// Length of the reply at the start of some data.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let number = || std::str::from_utf8(&bytes[1..end - 2]).ok()?.parse::<usize>().ok();
    match bytes[0] {
        // No text and no list has the length -1.
        b'$' => Some(number().map_or(end, |length| end + length + 2)),
        b'*' => {
            let item = |at: usize, _| Some(at + length(bytes.get(at..)?)?);
            (0..number().unwrap_or(0)).try_fold(end, item)
        }
        _ => Some(end),
    }
}

/// Replacement of a reply by a behavior; `None` when it does not apply.
pub fn replaced(bytes: &[u8], behavior: Behavior, secret: &str, variant: usize) -> Option<Replacement> {
    let text =
        |texts: &[&str], after: &str| Action::Send(format!("{}{after}", texts[variant % texts.len()]).into_bytes());
    let end = |script: Vec<Action>| Some(Replacement::End(script));
    let one_line = FORGED.replace("\r\n", "");
    match behavior {
        Behavior::EndlessAnswer => end(vec![text(&LENGTHS, "\r\n"), Action::Repeat(vec![b'a'; 1 << 14])]),
        Behavior::RepeatedAnswer => end(vec![Action::Repeat(bytes.repeat(100))]),
        Behavior::HugeLength => end(vec![text(&LENGTHS, "\r\nabc"), Action::Hang]),
        Behavior::HugeCount => {
            let values = VALUES[variant % VALUES.len()].repeat(1 << 12);
            end(vec![text(&COUNTS, "\r\n"), Action::Repeat(values.into_bytes())])
        }
        Behavior::DeepNesting => {
            let nested = NESTED[variant % NESTED.len()].repeat(100_000);
            end(vec![Action::Send(nested.into_bytes()), Action::Hang])
        }
        Behavior::ForgedError => {
            let code = ERRORS[variant % ERRORS.len()];
            let secret = secret.replace(['\r', '\n'], "");
            Some(Replacement::Message(format!("-{code} {one_line}2026{secret}{one_line}:1\r\n").into_bytes()))
        }
        Behavior::LongError => Some(Replacement::Message(format!("-ERR {}\r\n", "e".repeat(LONG)).into_bytes())),
        Behavior::ForgedTexts | Behavior::LongTexts | Behavior::OddNumbers => {
            let reply = std::str::from_utf8(bytes).ok()?;
            let (head, content) = reply.split_once("\r\n")?;
            match (head.as_bytes()[0], behavior) {
                (b'$', _) => {
                    let content = rewritten(content.strip_suffix("\r\n")?, behavior, variant)?;
                    Some(Replacement::Message(format!("${}\r\n{content}\r\n", content.len()).into_bytes()))
                }
                (b'+', Behavior::ForgedTexts) => {
                    Some(Replacement::Message(format!("{head}{one_line}\r\n").into_bytes()))
                }
                (b':', Behavior::OddNumbers) => {
                    Some(Replacement::Message(format!(":{}\r\n", odd(variant)).into_bytes()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
