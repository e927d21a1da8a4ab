//! Commands of a shell, split into words as Bash does it.
//!
//! Libraries that split words know neither `$'…'`, in which browsers copy texts, nor several commands, nor what a shell would
//! fill in.

use std::iter::Peekable;
use std::str::Chars;

use crate::draft::Secret;

/// Command: everything up to a line break or an operator.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    /// Its words; templates are those in which a shell fills in something.
    pub(super) words: Vec<Secret>,
    /// True if it reads the output of another command.
    pub(super) is_piped: bool,
    /// True if its input is a file or a text of the script.
    pub(super) has_input: bool,
    /// True if a word is no text in UTF-8.
    pub(super) is_binary: bool,
}

/// Quote without an end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OpenQuote {
    /// Line of its beginning.
    pub(super) line: usize,
}

/// Splits a text into commands.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, OpenQuote> {
    let mut lexer = Lexer { rest: text.chars().peekable(), line: 1, commands: Vec::new(), command: Command::default() };
    lexer.read()?;
    Ok(lexer.commands)
}

struct Lexer<'t> {
    rest: Peekable<Chars<'t>>,
    line: usize,
    commands: Vec<Command>,
    command: Command,
}

/// Word so far.
#[derive(Default)]
struct Word {
    bytes: Vec<u8>,
    has_variable: bool,
}

impl Word {
    fn push(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Lexer<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn read(&mut self) -> Result<(), OpenQuote> {
        while let Some(&c) = self.rest.peek() {
            match c {
                '\n' | ';' | '&' | '|' => {
                    self.take();
                    let is_pipe = c == '|' && self.rest.peek() != Some(&'|');
                    if matches!(c, '&' | '|') && self.rest.peek() == Some(&c) {
                        self.take();
                    }
                    self.finish();
                    self.command.is_piped = is_pipe;
                }
                c if c.is_whitespace() => {
                    self.take();
                }
                '#' => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '<' | '>' => self.redirection()?,
                '\\' if self.is_continuation() => {}
                _ => {
                    let line = self.line;
                    let word = self.word()?;
                    if self.rest.peek().is_some_and(|c| matches!(c, '<' | '>')) && is_number(&word) {
                        continue;
                    }
                    self.add(word, line);
                }
            }
        }
        self.finish();
        Ok(())
    }

    /// Skips a line break behind a backslash.
    fn is_continuation(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        let skipped = match (ahead.next(), ahead.next()) {
            (Some('\n'), _) => 2,
            (Some('\r'), Some('\n')) => 3,
            _ => return false,
        };
        for _ in 0..skipped {
            self.take();
        }
        true
    }

    fn redirection(&mut self) -> Result<(), OpenQuote> {
        let mut operator = String::new();
        while let Some(c) = self.rest.next_if(|c| matches!(c, '<' | '>' | '&')) {
            operator.push(c);
        }
        self.command.has_input |= operator.starts_with('<');
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        if self.rest.peek().is_some_and(|c| !c.is_whitespace()) {
            self.word()?;
        }
        Ok(())
    }

    fn add(&mut self, word: Word, line: usize) {
        if self.command.words.is_empty() {
            self.command.line = line;
        }
        let text = String::from_utf8(word.bytes).unwrap_or_else(|error| {
            self.command.is_binary = true;
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        self.command.words.push(if word.has_variable { Secret::Template(text) } else { Secret::Value(text) });
    }

    fn finish(&mut self) {
        let command = std::mem::take(&mut self.command);
        if !command.words.is_empty() {
            self.commands.push(command);
        }
    }

    fn word(&mut self) -> Result<Word, OpenQuote> {
        let mut word = Word::default();
        while let Some(&c) = self.rest.peek() {
            match c {
                '\\' if self.is_continuation() => {}
                '\\' => {
                    self.take();
                    word.push(self.take().unwrap_or('\\'));
                }
                '\'' => {
                    let line = self.line;
                    self.take();
                    loop {
                        match self.take() {
                            Some('\'') => break,
                            Some(c) => word.push(c),
                            None => return Err(OpenQuote { line }),
                        }
                    }
                }
                '"' => self.double_quoted(&mut word)?,
                '$' => {
                    self.take();
                    match self.rest.peek() {
                        Some('\'') => self.ansi_quoted(&mut word)?,
                        Some('"') => {}
                        following => {
                            word.has_variable |= following.is_some_and(|c| begins_expansion(*c));
                            word.push('$');
                        }
                    }
                }
                '`' => {
                    self.take();
                    word.has_variable = true;
                    word.push('`');
                }
                c if c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>') => break,
                c => {
                    self.take();
                    word.push(c);
                }
            }
        }
        Ok(word)
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), OpenQuote> {
        let line = self.line;
        self.take();
        loop {
            match self.take() {
                Some('"') => return Ok(()),
                Some('\\') => match self.take() {
                    Some('\n') => {}
                    Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                    Some(c) => {
                        word.push('\\');
                        word.push(c);
                    }
                    None => return Err(OpenQuote { line }),
                },
                Some(c) => {
                    let begins = c == '`' || c == '$' && self.rest.peek().is_some_and(|c| begins_expansion(*c));
                    word.has_variable |= begins;
                    word.push(c);
                }
                None => return Err(OpenQuote { line }),
            }
        }
    }

    /// Reads `'…'` behind a `$`, with the escapes of C.
    fn ansi_quoted(&mut self, word: &mut Word) -> Result<(), OpenQuote> {
        let line = self.line;
        self.take();
        loop {
            match self.take() {
                Some('\'') => return Ok(()),
                Some('\\') => self.escape(word),
                Some(c) => word.push(c),
                None => return Err(OpenQuote { line }),
            }
        }
    }

    fn escape(&mut self, word: &mut Word) {
        let Some(&c) = self.rest.peek() else { return };
        let simple = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '?' => c,
            '0'..='7' => return word.bytes.extend(self.number(8, 3).map(|code| code.to_le_bytes()[0])),
            'x' => {
                self.take();
                return word.bytes.extend(self.number(16, 2).map(|code| code.to_le_bytes()[0]));
            }
            'u' | 'U' => {
                self.take();
                let code = self.number(16, if c == 'u' { 4 } else { 8 });
                return word.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => return word.push('\\'),
        };
        self.take();
        word.push(simple);
    }

    fn number(&mut self, base: u32, digits: usize) -> Option<u32> {
        let mut number = None;
        for _ in 0..digits {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(base)) else { break };
            self.take();
            number = Some(number.unwrap_or(0_u32).wrapping_mul(base).wrapping_add(digit));
        }
        number
    }
}

fn begins_expansion(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '(' | '@' | '*' | '?' | '!' | '#')
}

fn is_number(word: &Word) -> bool {
    !word.bytes.is_empty() && word.bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let texts = |command: &Command| command.words.iter().map(|word| word.text().to_owned()).collect();
        commands(text).unwrap().iter().map(texts).collect()
    }

    #[test]
    fn words_are_those_of_bash() {
        for (text, expected) in [
            ("a 'b c' \"d e\" f\\ g", vec![vec!["a", "b c", "d e", "f g"]]),
            ("a \\\n  b \\\r\n c\nd", vec![vec!["a", "b", "c"], vec!["d"]]),
            ("a '' \"\"", vec![vec!["a", "", ""]]),
            ("a'b'\"c\"d", vec![vec!["abcd"]]),
            ("a \"\\\"\\$\\x\" '\\n'", vec![vec!["a", "\"$\\x", "\\n"]]),
            ("$'it\\'s\\n\\u00e6\\x41\\101\\U0001F600'", vec![vec!["it's\næAA😀"]]),
            ("a # b\nc#d", vec![vec!["a"], vec!["c#d"]]),
            ("a && b || c; d & e | f", vec![vec!["a"], vec!["b"], vec!["c"], vec!["d"], vec!["e"], vec!["f"]]),
            ("a > out 2>&1 b", vec![vec!["a", "b"]]),
            ("a 'b\nc'", vec![vec!["a", "b\nc"]]),
            ("", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn expansions_and_inputs_are_noted() {
        for (text, is_template) in [
            ("$A", true),
            ("\"x ${A}\"", true),
            ("`id`", true),
            ("\"$(id)\"", true),
            ("'$A'", false),
            ("\\$A", false),
            ("a$", false),
            ("\"5 $\"", false),
        ] {
            let read = commands(text).unwrap();
            assert_eq!(matches!(read[0].words[0], Secret::Template(_)), is_template, "{text}");
        }
        assert!(commands("a < b").unwrap()[0].has_input);
        assert!(commands("a | b").unwrap()[1].is_piped);
        assert!(!commands("a || b").unwrap()[1].is_piped);
        assert!(commands("$'\\xff'").unwrap()[0].is_binary);
    }

    #[test]
    fn open_quote_is_found_with_its_line() {
        for text in ["a\nb 'c\n", "a\nb \"c\n", "a\nb $'c\n"] {
            assert_eq!(commands(text), Err(OpenQuote { line: 2 }), "{text}");
        }
    }
}
