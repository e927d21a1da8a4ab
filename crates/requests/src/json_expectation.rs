//! Value that a JSON body must hold: the raw form, its validation and the judgement.

use std::collections::BTreeSet;

use check::{Mismatch, Phrase, foreign, ours, phrase};
use probe::Response;
use probe::expect::{self, Compare};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::{Section, check_pointer, optional};

use crate::pattern::Pattern;

/// Value that a JSON body must hold, as a settings file writes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawJson {
    /// JSON Pointer (RFC 6901) to the value, such as `/data/status`. Required.
    pub(crate) pointer: Option<String>,
    /// Expected value. Numbers are compared by value (`1` equals `1.0`); `"1"` is not `1`. Default: any value.
    pub(crate) equals: Option<Value>,
    /// Value that it must not be, compared like `equals`. Default none.
    pub(crate) not: Option<Value>,
    /// Regular expression that the text must match, in a part of it unless `^` and `$` say otherwise. Default none.
    pub(crate) matches: Option<String>,
    /// Number that it must be below. Default none.
    less: Option<f64>,
    /// Number that it must be above. Default none.
    greater: Option<f64>,
    /// Number of characters of a text, items of a list or members of an object. Default: any.
    length: Option<u64>,
    /// Type of the value. Default: any.
    r#type: Option<JsonType>,
}

/// Type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JsonType {
    /// Text.
    String,
    /// Number.
    Number,
    /// Number without a fraction.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// List.
    Array,
    /// Object.
    Object,
    /// `null`.
    Null,
}

/// Value that a JSON body must hold.
#[derive(Clone, Debug)]
pub struct JsonExpectation {
    /// JSON Pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Expected value. `None`: any value.
    pub equals: Option<Value>,
    /// Value that it must not be.
    pub not: Option<Value>,
    /// Expression that the text must match.
    pub matches: Option<Pattern>,
    /// Number that it must be below.
    pub less: Option<f64>,
    /// Number that it must be above.
    pub greater: Option<f64>,
    /// Number of characters, items or members.
    pub length: Option<u64>,
    /// Type of the value.
    pub kind: Option<JsonType>,
}

impl RawJson {
    pub(crate) fn validate(self, section: &Section<'_>) -> Option<JsonExpectation> {
        self.check_combination(section);
        let pointer = section.required("pointer", self.pointer).and_then(|pointer| {
            section.parsed("pointer", check_pointer(&pointer))?;
            Some(pointer)
        });
        let matches = optional(self.matches, |written| Pattern::read(section, "matches", &written));
        Some(JsonExpectation {
            pointer: pointer?,
            equals: self.equals,
            not: self.not,
            matches: matches?,
            less: self.less,
            greater: self.greater,
            length: self.length,
            kind: self.r#type,
        })
    }

    /// Reports keys that no value can meet together.
    fn check_combination(&self, section: &Section<'_>) {
        use JsonType::{Array, Integer, Null, Number, Object, String};
        if let (Some(less), Some(greater)) = (self.less, self.greater)
            && less <= greater
        {
            section.problem("less", format!("expected a number above `greater` = {greater}, found {less}"));
        }
        let value_types = |value: &Value| match JsonType::from_value(value) {
            Integer => vec![Number, Integer],
            kind => vec![kind],
        };
        let named_types = |kind: JsonType| match kind {
            Number => vec![Number, Integer],
            kind => vec![kind],
        };
        let is_number = self.less.or(self.greater).map(|_| vec![Number, Integer]);
        let required = [
            ("equals", self.equals.as_ref().map(value_types)),
            ("type", self.r#type.map(named_types)),
            ("matches", self.matches.as_ref().map(|_| vec![String])),
            (if self.less.is_some() { "less" } else { "greater" }, is_number),
            ("length", self.length.map(|_| vec![String, Array, Object])),
        ];
        let mut left: BTreeSet<JsonType> =
            [String, Number, Integer, JsonType::Boolean, Array, Object, Null].into_iter().collect();
        let mut before = Vec::new();
        for (key, kinds) in required {
            let Some(kinds) = kinds else { continue };
            left.retain(|kind| kinds.contains(kind));
            if left.is_empty() {
                let rule =
                    format!("expected keys that one value can meet, found `{key}` with {}", before.join(" and "));
                return section.problem(key, rule);
            }
            before.push(format!("`{key}`"));
        }
    }
}

impl JsonType {
    fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => {
                Self::Number
            }
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    fn holds(self, value: &Value) -> bool {
        let found = Self::from_value(value);
        found == self || (self, found) == (Self::Number, Self::Integer)
    }

    const fn with_article(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Null => "null",
        }
    }
}

impl JsonExpectation {
    /// Judges the body.
    ///
    /// # Errors
    /// The first condition that the value does not meet.
    pub fn judge(&self, response: &Response) -> Result<(), Mismatch> {
        if let Some(value) = &self.equals {
            expect::json_equals(response, &self.pointer, value, Compare::Strict)?;
        }
        let value = expect::json_exists(response, &self.pointer)?;
        match self.unmet(&value) {
            None => Ok(()),
            Some(expected) => Err(expect::unmet_value(response, &self.pointer, &value, expected)),
        }
    }

    /// Condition that the value does not meet.
    fn unmet(&self, value: &Value) -> Option<Phrase> {
        if let Some(kind) = self.kind.filter(|kind| !kind.holds(value)) {
            return Some(kind.with_article().into());
        }
        if let Some(other) = &self.not
            && expect::equal(value, other, Compare::Strict)
        {
            return Some(phrase!("another value than {}", foreign(other.to_string())));
        }
        if let Some(pattern) = &self.matches
            && !value.as_str().is_some_and(|text| pattern.is_match(text))
        {
            return Some(phrase!("a text that matches {}", foreign(format!("/{}/", pattern.as_str()))));
        }
        let number = value.as_f64();
        if let Some(limit) = self.less.filter(|limit| number.is_none_or(|number| number >= *limit)) {
            return Some(phrase!("a number less than {}", ours(limit)));
        }
        if let Some(limit) = self.greater.filter(|limit| number.is_none_or(|number| number <= *limit)) {
            return Some(phrase!("a number greater than {}", ours(limit)));
        }
        let length = length(value);
        let expected = self.length.filter(|expected| length != Some(*expected))?;
        Some(match length {
            Some(length) => phrase!("a length of {} instead of {}", ours(expected), ours(length)),
            None => phrase!("a length of {}", ours(expected)),
        })
    }
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(length).ok()
}
