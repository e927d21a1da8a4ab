//! Metric math, as far as alarms of ours use it: arithmetic, comparisons, `IF` and `FILL` with a value.
//!
//! Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics": in arithmetic between two series a missing
//! operand counts as 0; a division by zero leaves no point; `IF` leaves none where its condition has none.

use std::collections::BTreeSet;

use crate::scan::Scanner;

/// An expression over metrics and other expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// The id of a metric or of another expression.
    Id(String),
    /// Two operands.
    Binary(Operator, Box<Self>, Box<Self>),
    /// The first is the condition; without the third there is no point where it does not hold.
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
    /// The second in the place of missing points of the first.
    Fill(Box<Self>, Box<Self>),
}

/// What is done with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `^`
    Power,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// A text that is no expression, or one that is not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an expression of + - * / ^, comparisons, IF and FILL with a value, found {actual} at character {at} of `{text}`"
)]
pub struct ExpressionError {
    actual: String,
    at: usize,
    text: String,
}

/// What an expression is at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// The same at all times.
    Constant(f64),
    /// A point of a series; `None`: missing.
    Point(Option<f64>),
}

impl Part {
    fn value(self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(value),
            Self::Point(value) => value,
        }
    }
}

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is no expression, or holds what is not known here.
    pub fn read(text: &str) -> Result<Self, ExpressionError> {
        let mut reader = Reader { scan: Scanner::new(text) };
        let expression = reader.comparison()?;
        if reader.scan.rest().is_empty() { Ok(expression) } else { Err(reader.unexpected()) }
    }

    /// The ids it names.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<&str> {
        match self {
            Self::Number(_) => BTreeSet::new(),
            Self::Id(id) => BTreeSet::from([id.as_str()]),
            Self::Binary(_, one, other) | Self::Fill(one, other) => &one.ids() | &other.ids(),
            Self::If(condition, then, otherwise) => {
                let ids = &condition.ids() | &then.ids();
                otherwise.as_ref().map_or_else(|| ids.clone(), |otherwise| &ids | &otherwise.ids())
            }
        }
    }

    /// Its point, from those of the ids it names. `None`: it has none.
    #[must_use]
    pub fn point(&self, of: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        self.part(of).value()
    }

    fn part(&self, of: &dyn Fn(&str) -> Option<f64>) -> Part {
        match self {
            Self::Number(number) => Part::Constant(*number),
            Self::Id(id) => Part::Point(of(id)),
            Self::Binary(operator, one, other) => binary(*operator, one.part(of), other.part(of)),
            Self::If(condition, then, otherwise) => {
                let Some(condition) = condition.part(of).value() else { return Part::Point(None) };
                let chosen = if condition == 0.0 { otherwise.as_ref() } else { Some(then) };
                Part::Point(chosen.map(|chosen| chosen.part(of).value().unwrap_or(0.0)))
            }
            Self::Fill(series, value) => match series.part(of) {
                Part::Point(None) => Part::Point(value.part(of).value()),
                other => other,
            },
        }
    }
}

fn binary(operator: Operator, one: Part, other: Part) -> Part {
    let (left, right) = match (one, other) {
        (Part::Constant(left), Part::Constant(right)) => (left, right),
        // A number has no points of its own.
        (Part::Point(None), Part::Constant(_) | Part::Point(None)) | (Part::Constant(_), Part::Point(None)) => {
            return Part::Point(None);
        }
        (one, other) => (one.value().unwrap_or(0.0), other.value().unwrap_or(0.0)),
    };
    let whether = |holds: bool| Some(f64::from(u8::from(holds)));
    let value = match operator {
        Operator::Add => Some(left + right),
        Operator::Subtract => Some(left - right),
        Operator::Multiply => Some(left * right),
        Operator::Divide => (right != 0.0).then(|| left / right),
        Operator::Power => Some(left.powf(right)),
        Operator::Less => whether(left < right),
        Operator::LessOrEqual => whether(left <= right),
        Operator::Greater => whether(left > right),
        Operator::GreaterOrEqual => whether(left >= right),
        Operator::Equal => whether(left == right),
        Operator::NotEqual => whether(left != right),
    };
    let value = value.filter(|value| value.is_finite());
    match (one, other, value) {
        (Part::Constant(_), Part::Constant(_), Some(value)) => Part::Constant(value),
        (_, _, value) => Part::Point(value),
    }
}

struct Reader<'t> {
    scan: Scanner<'t>,
}

impl Reader<'_> {
    fn unexpected(&mut self) -> ExpressionError {
        let (actual, at) = self.scan.actual();
        ExpressionError { actual, at, text: self.scan.text.to_owned() }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), ExpressionError> {
        if self.scan.take(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn comparison(&mut self) -> Result<Expression, ExpressionError> {
        let one = self.sum()?;
        // The longer ones first.
        let operators = [
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        match operators.into_iter().find(|(symbol, _)| self.scan.take(symbol)) {
            Some((_, operator)) => Ok(Expression::Binary(operator, Box::new(one), Box::new(self.sum()?))),
            None => Ok(one),
        }
    }

    fn sum(&mut self) -> Result<Expression, ExpressionError> {
        let operators = [("+", Operator::Add), ("-", Operator::Subtract)];
        self.leftmost_first(&operators, Self::product)
    }

    fn product(&mut self) -> Result<Expression, ExpressionError> {
        let operators = [("*", Operator::Multiply), ("/", Operator::Divide)];
        self.leftmost_first(&operators, Self::power)
    }

    fn leftmost_first(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Result<Expression, ExpressionError>,
    ) -> Result<Expression, ExpressionError> {
        let mut one = operand(self)?;
        while let Some((_, operator)) = operators.iter().find(|(symbol, _)| self.scan.take(symbol)) {
            one = Expression::Binary(*operator, Box::new(one), Box::new(operand(self)?));
        }
        Ok(one)
    }

    fn power(&mut self) -> Result<Expression, ExpressionError> {
        let one = self.operand()?;
        if self.scan.take("^") {
            return Ok(Expression::Binary(Operator::Power, Box::new(one), Box::new(self.power()?)));
        }
        Ok(one)
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        if self.scan.take("(") {
            let within = self.comparison()?;
            self.expect(")")?;
            return Ok(within);
        }
        if self.scan.take("-") {
            let zero = Box::new(Expression::Number(0.0));
            return Ok(Expression::Binary(Operator::Subtract, zero, Box::new(self.power()?)));
        }
        let rest = self.scan.rest();
        let before = self.scan.at;
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "_.".contains(*c)).collect();
        self.scan.at += word.len();
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && let Ok(number) = word.parse::<f64>()
        {
            return Ok(Expression::Number(number));
        }
        let expression = match word.as_str() {
            "IF" => {
                self.expect("(")?;
                let condition = Box::new(self.comparison()?);
                self.expect(",")?;
                let then = Box::new(self.comparison()?);
                let otherwise = if self.scan.take(",") { Some(Box::new(self.comparison()?)) } else { None };
                self.expect(")")?;
                return Ok(Expression::If(condition, then, otherwise));
            }
            "FILL" => {
                self.expect("(")?;
                let series = Box::new(self.comparison()?);
                self.expect(",")?;
                let value = Box::new(self.comparison()?);
                self.expect(")")?;
                return Ok(Expression::Fill(series, value));
            }
            // Ids begin with a lower-case letter; functions, and the words of FILL, are written in capitals.
            id if id.starts_with(|c: char| c.is_ascii_lowercase()) && !id.contains('.') => {
                Some(Expression::Id(word.clone()))
            }
            _ => None,
        };
        expression.ok_or_else(|| {
            self.scan.at = before;
            self.unexpected()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(text: &str, m1: Option<f64>, m2: Option<f64>) -> Option<f64> {
        let of = |id: &str| match id {
            "m1" => m1,
            "m2" => m2,
            other => panic!("{other}"),
        };
        Expression::read(text).unwrap().point(&of)
    }

    #[test]
    fn operators_bind_as_usual() {
        for (text, value) in
            [("1 + 2 * 3 ^ 2", 19.0), ("(1+2)*3", 9.0), ("10 - 2 - 3", 5.0), ("2 ^ 3 ^ 2", 512.0), ("-2 + 5", 3.0)]
        {
            assert_eq!(point(text, None, None), Some(value), "{text}");
        }
    }

    #[test]
    fn a_missing_operand_counts_as_nothing_beside_one_that_is_there() {
        let rate = "100 * m1 / m2";
        assert_eq!(point(rate, Some(5.0), Some(50.0)), Some(10.0));
        assert_eq!(point(rate, None, Some(50.0)), Some(0.0), "no errors among requests");
        assert_eq!(point(rate, Some(5.0), None), None, "a division by nothing");
        assert_eq!(point(rate, None, None), None);
        assert_eq!(point("m1 + m2", Some(5.0), None), Some(5.0));
        assert_eq!(point("m1 * 100", None, None), None, "a number has no points of its own");
    }

    #[test]
    fn conditions_and_fills() {
        assert_eq!(point("IF(m2 > 10, m1, 0)", Some(5.0), Some(50.0)), Some(5.0));
        assert_eq!(point("IF(m2 > 10, m1, 0)", Some(5.0), Some(5.0)), Some(0.0));
        assert_eq!(point("IF(m2 > 10, m1)", Some(5.0), Some(5.0)), None);
        assert_eq!(point("IF(m2 > 10, m1, 1)", None, Some(50.0)), Some(0.0), "a branch without a point is 0");
        assert_eq!(point("IF(m2, m1, 1)", Some(5.0), None), None);
        assert_eq!(point("FILL(m1, 7)", None, None), Some(7.0));
        assert_eq!(point("FILL(m1, m2)", Some(1.0), Some(2.0)), Some(1.0));
    }

    #[test]
    fn what_is_not_known_is_refused_by_its_place() {
        for (text, actual) in [
            ("RATE(m1)", "`RATE(m1)` at character 1"),
            ("m1 + ", "its end at character 6"),
            ("m1 m2", "`m2` at character 4"),
            ("FILL(m1, REPEAT)", "`REPEAT)` at character 10"),
            ("IF(m1)", "`)` at character 6"),
            ("M1", "`M1` at character 1"),
            ("", "its end at character 1"),
        ] {
            let said = Expression::read(text).unwrap_err().to_string();
            assert!(said.contains(actual), "{text}: {said}");
        }
    }

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let expression = Expression::read("IF(a > 1, b / c, FILL(d, 0))").unwrap();
        assert_eq!(expression.ids(), BTreeSet::from(["a", "b", "c", "d"]));
    }
}
