//! Rules of composite alarms.
//!
//! Source: CloudWatch User Guide, "Combining alarms", and the API reference of `PutCompositeAlarm`. The precedence of `AND`
//! and `OR` is not documented, so a rule that mixes them needs parentheses.

use std::collections::BTreeSet;

use crate::State;
use crate::scan::{Scanner, shortened};

/// Condition under which a composite alarm is in `ALARM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Always true or always false.
    Constant(bool),
    /// True when the named alarm is in this state.
    Is(State, String),
    /// True when the rule is false.
    Not(Box<Self>),
    /// True when all rules are true.
    All(Vec<Self>),
    /// True when at least one rule is true.
    Any(Vec<Self>),
}

/// Longest rule that CloudWatch accepts. **Units:** characters.
const MAX_LENGTH: usize = 10_240;

/// Error for an invalid rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a rule of ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, AND, OR, NOT and parentheses, found {found} at character \
     {at} of `{}`",
    shortened(text)
)]
pub struct RuleError {
    found: String,
    at: usize,
    text: String,
}

impl Rule {
    /// Parses a rule.
    ///
    /// # Errors
    /// When the text is not a rule, contains unsupported functions, or mixes `AND` and `OR` without parentheses.
    pub fn read(text: &str) -> Result<Self, RuleError> {
        let mut reader = Reader { scan: Scanner::new(text) };
        if let Some((end, _)) = text.char_indices().nth(MAX_LENGTH) {
            reader.scan.at = end;
            return Err(reader.unexpected());
        }
        let rule = reader.rule()?;
        if reader.scan.rest().is_empty() { Ok(rule) } else { Err(reader.unexpected()) }
    }

    /// Evaluates the rule. An unknown alarm counts as having insufficient data.
    #[must_use]
    pub fn holds(&self, state_of: &dyn Fn(&str) -> State) -> bool {
        match self {
            Self::Constant(holds) => *holds,
            Self::Is(state, alarm) => state_of(alarm) == *state,
            Self::Not(rule) => !rule.holds(state_of),
            Self::All(rules) => rules.iter().all(|rule| rule.holds(state_of)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(state_of)),
        }
    }

    /// Names of the alarms in the rule.
    #[must_use]
    pub fn alarms(&self) -> BTreeSet<&str> {
        match self {
            Self::Constant(_) => BTreeSet::new(),
            Self::Is(_, alarm) => BTreeSet::from([alarm.as_str()]),
            Self::Not(rule) => rule.alarms(),
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::alarms).collect(),
        }
    }
}

struct Reader<'t> {
    scan: Scanner<'t>,
}

impl Reader<'_> {
    fn unexpected(&mut self) -> RuleError {
        let (found, at) = self.scan.next_token();
        RuleError { found, at, text: self.scan.text.to_owned() }
    }

    fn expect(&mut self, word: &str) -> Result<(), RuleError> {
        if self.scan.take(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn rule(&mut self) -> Result<Rule, RuleError> {
        let mut rules = vec![self.operand()?];
        for (word, other, joined) in [("AND", "OR", Rule::All as fn(Vec<Rule>) -> Rule), ("OR", "AND", Rule::Any)] {
            while self.scan.take(word) {
                rules.push(self.operand()?);
            }
            if rules.len() > 1 {
                let before = self.scan.at;
                if self.scan.take(other) {
                    self.scan.at = before;
                    return Err(self.unexpected());
                }
                return Ok(joined(rules));
            }
        }
        rules.pop().ok_or_else(|| self.unexpected())
    }

    fn operand(&mut self) -> Result<Rule, RuleError> {
        if !self.scan.enter() {
            return Err(self.unexpected());
        }
        let rule = self.operand_of_this_depth()?;
        self.scan.leave();
        Ok(rule)
    }

    fn operand_of_this_depth(&mut self) -> Result<Rule, RuleError> {
        if self.scan.take("(") {
            let inner = self.rule()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.scan.take("NOT") {
            return Ok(Rule::Not(Box::new(self.operand()?)));
        }
        for (word, holds) in [("TRUE", true), ("FALSE", false)] {
            if self.scan.take(word) {
                return Ok(Rule::Constant(holds));
            }
        }
        for state in [State::Alarm, State::Ok, State::InsufficientData] {
            if self.scan.take(state.as_str()) {
                self.expect("(")?;
                let alarm = self.name()?;
                self.expect(")")?;
                return Ok(Rule::Is(state, alarm));
            }
        }
        Err(self.unexpected())
    }

    /// Reads the name or ARN of an alarm. It is quoted when it contains a space, a comma or a parenthesis.
    fn name(&mut self) -> Result<String, RuleError> {
        let rest = self.scan.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut escaped = false;
            for (index, c) in quoted.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped && !name.is_empty() => {
                        self.scan.at += 1 + index + 1;
                        return Ok(arn_name(&name).to_owned());
                    }
                    c => {
                        name.push(c);
                        escaped = false;
                    }
                }
            }
            return Err(self.unexpected());
        }
        let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !"(),\"".contains(*c)).collect();
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.scan.at += name.len();
        Ok(arn_name(&name).to_owned())
    }
}

/// Extracts the alarm name from an ARN.
fn arn_name(name: &str) -> &str {
    name.split_once(":alarm:").map_or(name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let state_of = |alarm: &str| match alarm {
            "a" => State::Alarm,
            "o k" => State::Ok,
            _ => State::InsufficientData,
        };
        Rule::read(text).unwrap().holds(&state_of)
    }

    #[test]
    fn rules_follow_the_states_of_their_alarms() {
        for (text, expected) in [
            ("ALARM(a)", true),
            ("OK(\"o k\")", true),
            ("ALARM(\"o k\") OR ALARM(a)", true),
            ("ALARM(a) AND NOT OK(\"o k\")", false),
            ("(ALARM(a) AND OK(\"o k\")) OR FALSE", true),
            ("INSUFFICIENT_DATA(other) AND TRUE", true),
            ("NOT (ALARM(a) OR ALARM(b))", false),
            ("ALARM(arn:aws:cloudwatch:eu-north-1:123456789012:alarm:a)", true),
            ("ALARM(b) OR ALARM(c) OR ALARM(a)", true),
            ("ALARM(a) AND TRUE AND ALARM(b)", false),
            ("OK(\"arn:aws:cloudwatch:eu-north-1:123456789012:alarm:o k\")", true),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn invalid_rules_are_rejected_with_their_position() {
        for (text, expected) in [
            ("ALARM(a) AND OK(b) OR OK(c)", "`OR` at character 20"),
            ("ALARM(a", "the end at character 8"),
            ("ALARM a", "`a` at character 7"),
            ("AT_LEAST(1, ALARM, (a, b))", "`AT_LEAST(1,` at character 1"),
            ("ALARM(a) OK(b)", "`OK(b)` at character 10"),
            ("ALARM(\"a)", "`\"a)` at character 7"),
            ("ALARM(\"\")", "`\"\")` at character 7"),
            ("ALARM()", "`)` at character 7"),
            ("ALARM(a,b)", "`,b)` at character 8"),
            ("OK(a) OR OK(b) AND OK(c)", "`AND` at character 16"),
            ("(OK(a)", "the end at character 7"),
            ("ALARMS(a)", "`ALARMS(a)` at character 1"),
            ("OK(a) ANDOK(b)", "`ANDOK(b)` at character 7"),
            ("", "the end at character 1"),
            (&"(".repeat(2_000), "` at character 51 of"),
            (&"NOT ".repeat(2_000), "`NOT` at character 201 of"),
            (&"TRUE OR ".repeat(50_000), "` at character 10241 of"),
        ] {
            let message = Rule::read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(message.len() < 500, "{message}");
        }
    }

    #[test]
    fn quoted_names_may_contain_anything() {
        for (text, name) in [
            (r#"OK("a, (b)")"#, "a, (b)"),
            (r#"OK("a \"b\"")"#, r#"a "b""#),
            (r#"OK("a\\")"#, r"a\"),
            (r#"OK( "a" )"#, "a"),
        ] {
            assert_eq!(Rule::read(text).unwrap(), Rule::Is(State::Ok, name.to_owned()), "{text}");
        }
    }

    #[test]
    fn rule_lists_its_alarms() {
        let rule = Rule::read("(ALARM(a) OR OK(\"b c\")) AND NOT ALARM(d)").unwrap();
        assert_eq!(rule.alarms(), BTreeSet::from(["a", "b c", "d"]));
    }
}
