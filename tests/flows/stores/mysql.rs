//! Packets of MySQL's protocol.

use hostile::Action;

use super::message::Replacement;
use super::texts::{self, odd};
use crate::behavior::{Behavior, FORGED};

const HEADER: usize = 4;
/// First bytes of packets.
const OK: u8 = 0;
const NULL: u8 = 0xfb;
const END: u8 = 0xfe;
const ERROR: u8 = 0xff;
/// Number before a length of eight bytes.
const EIGHT_BYTES: u8 = 0xfe;
/// Size of a packet of type `END` without further content.
const SHORT_END: usize = 5;
/// Position of a column's name among the texts of its definition.
const NAME: usize = 4;
/// Error codes of each class: missing table, credentials, connections, time, support.
const CODES: [u16; 5] = [1146, 1045, 1040, 1205, 1064];
const LONG: usize = 900_000;

/// Part of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Greeting,
    LogIn,
    Ok,
    Error,
    /// Number of columns.
    Count,
    /// Definition of a column.
    Definition,
    Row,
    /// End of the definitions or of the rows.
    End,
}

/// State of a conversation.
#[derive(Default)]
pub struct State {
    part: Part,
    has_begun: bool,
    is_logged_in: bool,
    definitions: u8,
    /// Within the rows of a result.
    in_rows: bool,
    has_ended_definitions: bool,
}

impl State {
    /// Part of the last packet.
    pub const fn part(&self) -> Part {
        self.part
    }

    /// Part of the next packet.
    pub fn next(&mut self, packet: &[u8]) -> Part {
        let payload = &packet[HEADER..];
        let first = payload.first().copied().unwrap_or(OK);
        self.part = if !self.has_begun {
            self.has_begun = true;
            Part::Greeting
        } else if !self.is_logged_in {
            self.is_logged_in = first == OK;
            Part::LogIn
        } else if first == ERROR {
            self.in_rows = false;
            Part::Error
        } else if self.definitions > 0 {
            self.definitions -= 1;
            Part::Definition
        } else if self.in_rows && first == END {
            let ends_definitions = payload.len() == SHORT_END && !self.has_ended_definitions;
            (self.has_ended_definitions, self.in_rows) = (true, ends_definitions);
            Part::End
        } else if self.in_rows {
            // A server that does not separate definitions and rows ends the rows with a longer packet.
            self.has_ended_definitions = true;
            Part::Row
        } else if first == OK {
            Part::Ok
        } else {
            (self.definitions, self.in_rows, self.has_ended_definitions) = (first, true, false);
            Part::Count
        };
        self.part
    }
}

/// Length of the packet at the start of some data.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER)?;
    Some(HEADER + (usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16))
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&length[..3], &[sequence], payload].concat()
}

/// Replacement of a packet by a behavior; `None` when it does not apply.
pub fn replaced(bytes: &[u8], part: Part, behavior: Behavior, secret: &str, variant: usize) -> Option<Replacement> {
    let (sequence, payload) = (bytes[3], &bytes[HEADER..]);
    let has_texts = matches!(part, Part::Row | Part::Definition);
    let row = |change: &dyn Fn(usize, &str) -> Option<String>| {
        let changed = (part == Part::Row).then(|| changed(payload, change)).flatten()?;
        Some(Replacement::Message(packet(sequence, &changed)))
    };
    let end = |script: Vec<Action>| Some(Replacement::End(script));
    match behavior {
        Behavior::EndlessAnswer => {
            // The largest size means that the packet continues in the next one.
            end(vec![Action::Send(vec![0xff, 0xff, 0xff, sequence]), Action::Repeat(vec![b'a'; 1 << 14])])
        }
        Behavior::RepeatedAnswer if part != Part::End => {
            let next = |after: u8| packet(sequence.wrapping_add(after), payload);
            end(vec![Action::Repeat((0..=u8::MAX).flat_map(next).collect())])
        }
        Behavior::HugeLength => {
            end(vec![Action::Send([&[0xfe, 0xff, 0xff, sequence], payload].concat()), Action::Hang])
        }
        Behavior::HugeCount if part == Part::Count || has_texts => {
            let count = [1 << 24, 1 << 40, u64::MAX >> 1, u64::MAX][variant % 4].to_le_bytes();
            let payload = [&[EIGHT_BYTES], &count[..], &payload[1..]].concat();
            end(vec![Action::Send(packet(sequence, &payload)), Action::Hang])
        }
        Behavior::ForgedError => {
            Some(Replacement::Answer(error(sequence, part, variant, &format!("{FORGED}{secret}{FORGED}"))))
        }
        Behavior::LongError => Some(Replacement::Answer(error(sequence, part, variant, &"e".repeat(LONG)))),
        Behavior::ForgedTexts if part == Part::Definition => {
            let change = |index: usize, text: &str| (index == NAME).then(|| format!("{text}{FORGED}"));
            Some(Replacement::Message(packet(sequence, &changed(payload, &change)?)))
        }
        Behavior::ForgedTexts => row(&|_, text| (!texts::is_number(text)).then(|| format!("{text}{FORGED}"))),
        Behavior::LongTexts => row(&|_, text| (!texts::is_number(text)).then(texts::long)),
        Behavior::OddNumbers => row(&|index, text| texts::is_number(text).then(|| odd(variant + index))),
        _ => None,
    }
}

fn error(sequence: u8, part: Part, variant: usize, message: &str) -> Vec<u8> {
    let code = CODES[variant % CODES.len()].to_le_bytes();
    // The client has not yet announced that it expects a state.
    let state: &[u8] = if part == Part::Greeting { b"" } else { b"#HY000" };
    packet(sequence, &[&[ERROR], &code[..], state, message.as_bytes()].concat())
}

/// Payload with other texts. `None` when no text changes.
fn changed(payload: &[u8], change: &dyn Fn(usize, &str) -> Option<String>) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut index, mut has_changed) = (Vec::new(), payload, 0, false);
    while let [first, after @ ..] = rest {
        // All real texts here are short.
        let length = usize::from(*first);
        let text = after.get(..length).filter(|_| *first < NULL).and_then(|text| std::str::from_utf8(text).ok());
        match text.and_then(|text| change(index, text)) {
            Some(text) => {
                out.push(EIGHT_BYTES);
                out.extend(u64::try_from(text.len()).unwrap().to_le_bytes());
                out.extend(text.as_bytes());
                has_changed = true;
            }
            None => out.extend(&rest[..=text.map_or(0, str::len)]),
        }
        rest = &rest[1 + text.map_or(0, str::len)..];
        index += 1;
    }
    has_changed.then_some(out)
}
