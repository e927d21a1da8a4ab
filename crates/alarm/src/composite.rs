//! Rules of composite alarms.
//!
//! Source: CloudWatch User Guide, "Combining alarms", and the API reference of `PutCompositeAlarm`. Which of `AND` and `OR` binds
//! stronger is not documented, so a rule that leaves it open is refused.

use std::collections::BTreeSet;

use crate::State;
use crate::scan::Scanner;

/// When a composite alarm is in `ALARM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Always, or never.
    Constant(bool),
    /// When an alarm, by its name, is in a state.
    Is(State, String),
    /// When it does not hold.
    Not(Box<Self>),
    /// When all hold.
    All(Vec<Self>),
    /// When at least one holds.
    Any(Vec<Self>),
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a rule of ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, AND, OR, NOT and parentheses, found {actual} at character {at} of `{text}`"
)]
pub struct RuleError {
    actual: String,
    at: usize,
    text: String,
}

impl Rule {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is no rule, holds what is not known here, or mixes `AND` and `OR` without parentheses.
    pub fn read(text: &str) -> Result<Self, RuleError> {
        let mut reader = Reader { scan: Scanner::new(text) };
        let rule = reader.rule()?;
        if reader.scan.rest().is_empty() { Ok(rule) } else { Err(reader.unexpected()) }
    }

    /// Whether it holds. An alarm that is not known has insufficient data.
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

    /// The alarms it names.
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
        let (actual, at) = self.scan.actual();
        RuleError { actual, at, text: self.scan.text.to_owned() }
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
        if self.scan.take("(") {
            let within = self.rule()?;
            self.expect(")")?;
            return Ok(within);
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

    /// The name or ARN of an alarm; quoted where it holds a space, a comma or a parenthesis.
    fn name(&mut self) -> Result<String, RuleError> {
        let rest = self.scan.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut escaped = false;
            for (place, c) in quoted.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped && !name.is_empty() => {
                        self.scan.at += 1 + place + 1;
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

/// The name within an ARN of an alarm.
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
    fn rules_hold_by_the_states_of_their_alarms() {
        for (text, expected) in [
            ("ALARM(a)", true),
            ("OK(\"o k\")", true),
            ("ALARM(\"o k\") OR ALARM(a)", true),
            ("ALARM(a) AND NOT OK(\"o k\")", false),
            ("(ALARM(a) AND OK(\"o k\")) OR FALSE", true),
            ("INSUFFICIENT_DATA(other) AND TRUE", true),
            ("NOT (ALARM(a) OR ALARM(b))", false),
            ("ALARM(arn:aws:cloudwatch:eu-north-1:123456789012:alarm:a)", true),
            ("OK(\"arn:aws:cloudwatch:eu-north-1:123456789012:alarm:o k\")", true),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_or_left_open_is_refused_by_its_place() {
        for (text, actual) in [
            ("ALARM(a) AND OK(b) OR OK(c)", "`OR` at character 20"),
            ("ALARM(a", "its end at character 8"),
            ("ALARM a", "`a` at character 7"),
            ("AT_LEAST(1, ALARM, (a, b))", "`AT_LEAST(1,` at character 1"),
            ("ALARM(a) OK(b)", "`OK(b)` at character 10"),
            ("ALARM(\"a)", "`\"a)` at character 7"),
            ("", "its end at character 1"),
        ] {
            let said = Rule::read(text).unwrap_err().to_string();
            assert!(said.contains(actual), "{text}: {said}");
        }
    }

    #[test]
    fn the_alarms_of_a_rule_are_known() {
        let rule = Rule::read("(ALARM(a) OR OK(\"b c\")) AND NOT ALARM(d)").unwrap();
        assert_eq!(rule.alarms(), BTreeSet::from(["a", "b c", "d"]));
    }
}
