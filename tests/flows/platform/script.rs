//! Scripts that replace an answer of the platform.

use std::time::Duration;

use hostile::Action;
use serde_json::Value;

use super::answer::Answer;
use crate::behavior::{Behavior, FORGED};

/// Length of a form token, within the limit of a page.
const TOKEN: usize = 1_900_000;
const HUGE_TOKEN: usize = 16 << 20;
const FORGED_ID: &str = "..\\..\\admin/../\"'<x>\u{7}\u{1b}[2J\u{202e}";

impl Behavior {
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
                vec![Action::Send(head), Action::Repeat(chunk(&[b' '; 1 << 14]))]
            }
            Self::GzipBomb => {
                let (header, zeros) = hostile::endless_gzip();
                let encoding = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
                let head = with_head(&answer.with_body_allowed(), encoding);
                vec![Action::Send(head), Action::Send(chunk(&header)), Action::Repeat(chunk(&zeros))]
            }
            Self::ManyCookies => {
                let value = "c".repeat(4_000);
                let cookie = |index: u8| format!("Set-Cookie: hostile{index}={value}; path=/\r\n");
                let head = format!("{}{}", answer.head, (0..80).map(cookie).collect::<String>());
                vec![Action::Send(Answer { head, ..answer }.bytes())]
            }
            // Only these rewrite a body.
            _ => {
                let body = self.rewritten(&answer).unwrap_or_else(|| answer.body.clone());
                vec![Action::Send(Answer { body, ..answer }.bytes())]
            }
        }
    }

    /// Body with other values; `None` when it has none of the kind.
    fn rewritten(self, answer: &Answer) -> Option<Vec<u8>> {
        match self {
            Self::LongToken => return with_token(&answer.body, &"t".repeat(TOKEN)),
            Self::HugeToken => return with_token(&answer.body, &"t".repeat(HUGE_TOKEN)),
            _ => {}
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
            (Self::ForgedTexts, Value::String(text)) if !is_id => text.push_str(FORGED),
            _ => {}
        }
    }
}

/// Chunk of a body of unknown length.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Replaces the value of the hidden field of a form.
fn with_token(page: &[u8], token: &str) -> Option<Vec<u8>> {
    let page = std::str::from_utf8(page).ok()?;
    let (before, field) = page.split_once("name=\"_token\"")?;
    let (between, value) = field.split_once("value=\"")?;
    let (_, after) = value.split_once('"')?;
    Some(format!("{before}name=\"_token\"{between}value=\"{token}\"{after}").into_bytes())
}
