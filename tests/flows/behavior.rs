//! Hostile behaviors, each in place of one answer of the platform.

use std::sync::OnceLock;
use std::time::Duration;

use hostile::Action;
use serde_json::Value;

use crate::answer::Answer;

/// A hostile behavior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// No answer.
    Hang,
    /// One byte of the answer every 100 ms.
    Drip,
    /// Headers until the client disconnects.
    EndlessHeaders,
    /// A body until the client disconnects.
    EndlessBody,
    /// A small body that decompresses to a large one.
    GzipBomb,
    /// A form token of 1.9 MB.
    LongToken,
    /// 80 cookies of 4,000 letters.
    ManyCookies,
    /// Ids of 9,000 letters.
    LongIds,
    /// Ids with paths, quotes and control characters.
    ForgedIds,
    /// Other texts with terminal escapes, newlines and direction marks.
    ForgedTexts,
}

/// Decompressed size of a bomb, eight times the limit of a body.
const BOMB: usize = 16 << 20;
const FORGED_ID: &str = "..\\..\\admin/../\"'<x>\u{7}\u{1b}[2J\u{202e}";
const FORGED_TEXT: &str = "\u{1b}[31m\u{1b}]0;title\u{7}\r\n2026-01-01 ALARM\u{202e}\u{2066}\u{200f}\u{feff}";

/// Harmless part of a forged text.
pub const QUOTED: &str = "2026-01-01 ALARM";

impl Behavior {
    pub const ALL: [Self; 10] = [
        Self::Hang,
        Self::Drip,
        Self::EndlessHeaders,
        Self::EndlessBody,
        Self::GzipBomb,
        Self::LongToken,
        Self::ManyCookies,
        Self::LongIds,
        Self::ForgedIds,
        Self::ForgedTexts,
    ];

    /// Name, as in the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Drip => "drip",
            Self::EndlessHeaders => "endless headers",
            Self::EndlessBody => "endless body",
            Self::GzipBomb => "gzip bomb",
            Self::LongToken => "long token",
            Self::ManyCookies => "many cookies",
            Self::LongIds => "long ids",
            Self::ForgedIds => "forged ids",
            Self::ForgedTexts => "forged texts",
        }
    }

    /// Returns the behavior with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|behavior| behavior.name() == name)
    }

    /// True when no valid answer arrives.
    pub const fn breaks_the_answer(self) -> bool {
        matches!(self, Self::Hang | Self::Drip | Self::EndlessHeaders | Self::EndlessBody | Self::GzipBomb)
    }

    /// True when the behavior can replace this answer: a page without a form has no form token.
    pub fn applies_to(self, answer: &Answer) -> bool {
        match self {
            Self::LongToken | Self::LongIds | Self::ForgedIds | Self::ForgedTexts => self.rewritten(answer).is_some(),
            _ => true,
        }
    }

    /// Script that replaces an answer. An answer to which the behavior does not apply is forwarded.
    pub fn script(self, answer: Answer) -> Vec<Action> {
        let with_head = |answer: &Answer, more: &str| format!("{}{more}\r\n", answer.head).into_bytes();
        match self {
            Self::Hang => vec![Action::Hang],
            Self::Drip => {
                let pause = Action::Wait(Duration::from_millis(100));
                let byte = |byte: u8| [Action::Send(vec![byte]), pause.clone()];
                answer.bytes().into_iter().flat_map(byte).collect()
            }
            Self::EndlessHeaders => {
                let head = answer.head.into_bytes();
                vec![Action::Send(head), Action::Repeat(b"X-Hostile: endless\r\n".repeat(100))]
            }
            Self::EndlessBody => {
                let head = with_head(&answer.with_body_allowed(), "Transfer-Encoding: chunked\r\n");
                let chunk = [&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat();
                vec![Action::Send(head), Action::Repeat(chunk)]
            }
            Self::GzipBomb => {
                let body = bomb().to_vec();
                let length = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len());
                vec![Action::Send(with_head(&answer.with_body_allowed(), &length)), Action::Send(body)]
            }
            Self::ManyCookies => {
                let value = "c".repeat(4_000);
                let cookie = |index: u8| format!("Set-Cookie: hostile{index}={value}; path=/\r\n");
                let head = format!("{}{}", answer.head, (0..80).map(cookie).collect::<String>());
                vec![Action::Send(Answer { head, ..answer }.bytes())]
            }
            Self::LongToken | Self::LongIds | Self::ForgedIds | Self::ForgedTexts => {
                let body = self.rewritten(&answer).unwrap_or_else(|| answer.body.clone());
                vec![Action::Send(Answer { body, ..answer }.bytes())]
            }
        }
    }

    /// Body with other values; `None` when it has none of the kind.
    fn rewritten(self, answer: &Answer) -> Option<Vec<u8>> {
        if self == Self::LongToken {
            return with_token(&answer.body, &"t".repeat(1_900_000));
        }
        let mut document: Value = serde_json::from_slice(&answer.body).ok()?;
        let before = document.clone();
        let long = "i".repeat(9_000);
        self.rewrite(&mut document, false, &long);
        (document != before).then(|| document.to_string().into_bytes())
    }

    fn rewrite(self, value: &mut Value, is_id: bool, long: &str) {
        match (self, value) {
            (_, Value::Object(members)) => {
                for (key, member) in members {
                    let is_id = key == "id" || key.ends_with("_id") || key.ends_with("Id");
                    self.rewrite(member, is_id, long);
                }
            }
            (_, Value::Array(items)) => items.iter_mut().for_each(|item| self.rewrite(item, is_id, long)),
            (Self::LongIds, value @ (Value::String(_) | Value::Number(_))) if is_id => *value = long.into(),
            (Self::ForgedIds, value @ (Value::String(_) | Value::Number(_))) if is_id => *value = FORGED_ID.into(),
            (Self::ForgedTexts, Value::String(text)) if !is_id => text.push_str(FORGED_TEXT),
            _ => {}
        }
    }
}

/// Small body that decompresses to a large one. The first call takes seconds.
pub fn bomb() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| hostile::compressed(&vec![0; BOMB]))
}

/// Replaces the value of the hidden field of a form.
fn with_token(page: &[u8], token: &str) -> Option<Vec<u8>> {
    let page = std::str::from_utf8(page).ok()?;
    let (before, field) = page.split_once("name=\"_token\"")?;
    let (between, value) = field.split_once("value=\"")?;
    let (_, after) = value.split_once('"')?;
    Some(format!("{before}name=\"_token\"{between}value=\"{token}\"{after}").into_bytes())
}
