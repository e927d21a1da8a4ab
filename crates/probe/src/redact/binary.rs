//! Base64 and hexadecimal digits inside a text.

use std::ops::Range;

/// An alphabet in which each digit holds the same number of bits.
pub(super) struct Alphabet {
    digit: fn(u8) -> Option<u16>,
    bits: usize,
    /// Minimum number of digits: those of four bytes.
    shortest: usize,
    /// Bits before the first whole byte, since other digits may precede the encoded text or its start may be cut off.
    pub(super) shifts: &'static [usize],
}

/// Minimum number of bytes that can hold a further encoding of a secret.
pub(super) const SHORTEST: usize = 6;

pub(super) const ALPHABETS: [Alphabet; 2] = [
    Alphabet { digit: base64, bits: 6, shortest: 6, shifts: &[0, 2, 4, 6] },
    Alphabet { digit: hexadecimal, bits: 4, shortest: 8, shifts: &[0, 4] },
];

impl Alphabet {
    /// Runs of digits that are long enough to hold a secret.
    pub(super) fn runs(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut start = 0;
        for at in 0..=text.len() {
            if text.get(at).is_none_or(|byte| (self.digit)(*byte).is_none()) {
                if at - start >= self.shortest {
                    runs.push(start..at);
                }
                start = at + 1;
            }
        }
        runs
    }

    /// Decodes a run. Passes each byte on, with the digits that hold its bits.
    pub(super) fn decode(&self, run: &[u8], shift: usize, mut pass: impl FnMut(u8, Range<usize>)) {
        let digit = |at: usize| run.get(at).and_then(|byte| (self.digit)(*byte)).unwrap_or_default();
        for first_bit in (shift..).step_by(8).take_while(|bit| bit + 8 <= run.len() * self.bits) {
            let (first, skipped) = (first_bit / self.bits, first_bit % self.bits);
            // A byte never needs a third digit.
            let two = (digit(first) << self.bits) + digit(first + 1);
            let byte = (two >> (2 * self.bits - 8 - skipped)) & 0xff;
            pass(byte.to_be_bytes()[1], first..first + 2);
        }
    }
}

/// Accepts the standard alphabet and the URL-safe one.
fn base64(byte: u8) -> Option<u16> {
    Some(match byte {
        b'A'..=b'Z' => u16::from(byte - b'A'),
        b'a'..=b'z' => u16::from(byte - b'a') + 26,
        b'0'..=b'9' => u16::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn hexadecimal(byte: u8) -> Option<u16> {
    Some(match byte {
        b'0'..=b'9' => u16::from(byte - b'0'),
        b'a'..=b'f' => u16::from(byte - b'a') + 10,
        b'A'..=b'F' => u16::from(byte - b'A') + 10,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_long_enough_and_without_other_signs() {
        let [base64, hexadecimal] = &ALPHABETS;
        assert_eq!(base64.runs(b"abcdef abcdef"), [0..6, 7..13]);
        assert_eq!(base64.runs(b" abcdef abcde.ABC+-/_9"), [1..7, 14..22]);
        assert_eq!(hexadecimal.runs(b"0123abcd 0123ABC x01234567g"), [0..8, 18..26]);
    }
}
