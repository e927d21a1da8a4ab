//! Metric math. Everything that CloudWatch knows is read; evaluated is what the shipped alarms use: arithmetic, comparisons,
//! `IF`, `FILL` with a value.
//!
//! Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics". In arithmetic between two series a
//! missing operand counts as 0. Division by zero yields no data point, and neither does `IF` when its condition has none.

use std::collections::BTreeSet;

use crate::scan::{Scanner, shortened};

/// An expression over metrics and other expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// Id of a metric or of another expression.
    Id(String),
    /// Operator with two operands.
    Binary(Operator, Box<Self>, Box<Self>),
    /// Condition, value, and optional alternative. Without the alternative a false condition yields no data point.
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
    /// Series, and the replacement for its missing data points.
    Fill(Box<Self>, Box<Self>),
    /// Function, keyword, text or list that is not evaluated.
    Unevaluated {
        /// The part, as a phrase, such as `RATE`.
        part: String,
        /// Its operands.
        operands: Vec<Self>,
    },
}

/// Binary operator.
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

/// Functions of metric math that are not evaluated.
const FUNCTIONS: &[&str] = &[
    "ABS",
    "ANOMALY_DETECTION_BAND",
    "AVG",
    "CEIL",
    "DATAPOINT_COUNT",
    "DATE",
    "DAY",
    "DB_PERF_INSIGHTS",
    "DIFF",
    "DIFF_TIME",
    "EPOCH",
    "FIRST",
    "FLOOR",
    "HOUR",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "LAST",
    "LOG",
    "LOG10",
    "MAX",
    "METRICS",
    "METRIC_COUNT",
    "MIN",
    "MINUTE",
    "MONTH",
    "PERIOD",
    "RATE",
    "REMOVE_EMPTY",
    "RUNNING_SUM",
    "SEARCH",
    "SERVICE_QUOTA",
    "SLICE",
    "SORT",
    "STDDEV",
    "SUM",
    "TIME_SERIES",
    "YEAR",
];
/// Keywords among the arguments of functions.
const KEYWORDS: &[&str] = &["ASC", "DESC", "LINEAR", "REPEAT"];
/// Operators between conditions.
const LOGIC: &[&str] = &["AND", "OR", "&&", "||"];

/// Longest expression that CloudWatch accepts. **Units:** characters.
const MAX_LENGTH: usize = 2_048;

/// Error for an invalid or unsupported expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an expression of metric math, found {found} at character {at} of `{}`", shortened(text))]
pub struct ExpressionError {
    found: String,
    at: usize,
    text: String,
}

/// Value of an expression at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// A number, equal at all times.
    Constant(f64),
    /// A data point of a series; `None` when it is missing.
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
    /// Parses an expression.
    ///
    /// # Errors
    /// When the text is not an expression of metric math.
    pub fn read(text: &str) -> Result<Self, ExpressionError> {
        let mut reader = Reader { scan: Scanner::new(text) };
        if let Some((end, _)) = text.char_indices().nth(MAX_LENGTH) {
            reader.scan.at = end;
            return Err(reader.unexpected());
        }
        if text.trim_start().get(..7).is_some_and(|word| word.trim_end().eq_ignore_ascii_case("select")) {
            return Ok(Self::unevaluated("a Metrics Insights query", Vec::new()));
        }
        let expression = reader.expression()?;
        if reader.scan.rest().is_empty() { Ok(expression) } else { Err(reader.unexpected()) }
    }

    /// Ids that the expression refers to.
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
            Self::Unevaluated { operands, .. } => operands.iter().flat_map(Self::ids).collect(),
        }
    }

    /// First part that is not evaluated, as a phrase. An expression with such a part has no data points.
    #[must_use]
    pub fn unevaluated_part(&self) -> Option<&str> {
        match self {
            Self::Number(_) | Self::Id(_) => None,
            Self::Binary(_, one, other) | Self::Fill(one, other) => {
                one.unevaluated_part().or_else(|| other.unevaluated_part())
            }
            Self::If(condition, then, otherwise) => {
                let parts = [Some(condition), Some(then), otherwise.as_ref()];
                parts.into_iter().flatten().find_map(|part| part.unevaluated_part())
            }
            Self::Unevaluated { part, .. } => Some(part),
        }
    }

    fn unevaluated(part: impl Into<String>, operands: Vec<Self>) -> Self {
        Self::Unevaluated { part: part.into(), operands }
    }

    /// Computes the data point from those of the ids in the expression; `None` when it is missing.
    #[must_use]
    pub fn point(&self, point_by_id: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        self.part(point_by_id).value()
    }

    fn part(&self, point_by_id: &dyn Fn(&str) -> Option<f64>) -> Part {
        match self {
            Self::Number(number) => Part::Constant(*number),
            Self::Id(id) => Part::Point(point_by_id(id)),
            Self::Binary(operator, one, other) => binary(*operator, one.part(point_by_id), other.part(point_by_id)),
            Self::If(condition, then, otherwise) => {
                let Some(condition) = condition.part(point_by_id).value() else { return Part::Point(None) };
                let chosen = if condition == 0.0 { otherwise.as_ref() } else { Some(then) };
                Part::Point(chosen.map(|chosen| chosen.part(point_by_id).value().unwrap_or(0.0)))
            }
            Self::Fill(series, value) => match series.part(point_by_id) {
                Part::Point(None) => Part::Point(value.part(point_by_id).value()),
                other => other,
            },
            Self::Unevaluated { .. } => Part::Point(None),
        }
    }
}

fn binary(operator: Operator, one: Part, other: Part) -> Part {
    let (left, right) = match (one, other) {
        (Part::Constant(left), Part::Constant(right)) => (left, right),
        // A constant by itself has no data points.
        (Part::Point(None), Part::Constant(_) | Part::Point(None)) | (Part::Constant(_), Part::Point(None)) => {
            return Part::Point(None);
        }
        (one, other) => (one.value().unwrap_or(0.0), other.value().unwrap_or(0.0)),
    };
    let as_number = |is_true: bool| Some(f64::from(u8::from(is_true)));
    let value = match operator {
        Operator::Add => Some(left + right),
        Operator::Subtract => Some(left - right),
        Operator::Multiply => Some(left * right),
        Operator::Divide => (right != 0.0).then(|| left / right),
        Operator::Power => Some(left.powf(right)),
        Operator::Less => as_number(left < right),
        Operator::LessOrEqual => as_number(left <= right),
        Operator::Greater => as_number(left > right),
        Operator::GreaterOrEqual => as_number(left >= right),
        Operator::Equal => as_number(left == right),
        Operator::NotEqual => as_number(left != right),
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
        let (found, at) = self.scan.next_token();
        ExpressionError { found, at, text: self.scan.text.to_owned() }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), ExpressionError> {
        if self.scan.take(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expression(&mut self) -> Result<Expression, ExpressionError> {
        let mut one = self.comparison()?;
        while let Some(operator) = LOGIC.iter().find(|operator| self.scan.take(operator)) {
            one = Expression::unevaluated(*operator, vec![one, self.comparison()?]);
        }
        Ok(one)
    }

    fn comparison(&mut self) -> Result<Expression, ExpressionError> {
        let one = self.sum()?;
        // Longer operators come first.
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
        self.left_associative(&operators, Self::product)
    }

    fn product(&mut self) -> Result<Expression, ExpressionError> {
        let operators = [("*", Operator::Multiply), ("/", Operator::Divide)];
        self.left_associative(&operators, Self::power)
    }

    fn left_associative(
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
        if !self.scan.enter() {
            return Err(self.unexpected());
        }
        let mut one = self.operand()?;
        if self.scan.take("^") {
            one = Expression::Binary(Operator::Power, Box::new(one), Box::new(self.power()?));
        }
        self.scan.leave();
        Ok(one)
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        if self.scan.take("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.scan.take("[") {
            return Ok(Expression::unevaluated("a list", self.arguments("]")?));
        }
        if self.scan.rest().starts_with(['"', '\'']) {
            return self.quoted();
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
                let condition = Box::new(self.expression()?);
                self.expect(",")?;
                let then = Box::new(self.expression()?);
                let otherwise = if self.scan.take(",") { Some(Box::new(self.expression()?)) } else { None };
                self.expect(")")?;
                return Ok(Expression::If(condition, then, otherwise));
            }
            "FILL" => {
                self.expect("(")?;
                let series = Box::new(self.expression()?);
                self.expect(",")?;
                let value = Box::new(self.expression()?);
                self.expect(")")?;
                return Ok(Expression::Fill(series, value));
            }
            word if FUNCTIONS.contains(&word) && self.scan.take("(") => {
                return Ok(Expression::unevaluated(word, self.arguments(")")?));
            }
            word if KEYWORDS.contains(&word) => Some(Expression::unevaluated(word, Vec::new())),
            // Ids start with a lower-case letter; functions, and the keywords of FILL, are upper-case.
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

    /// Reads arguments separated by commas, and the symbol that ends them.
    fn arguments(&mut self, end: &str) -> Result<Vec<Expression>, ExpressionError> {
        let mut arguments = Vec::new();
        while !self.scan.take(end) {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression()?);
        }
        Ok(arguments)
    }

    /// Reads a text in quotes.
    fn quoted(&mut self) -> Result<Expression, ExpressionError> {
        let rest = self.scan.rest();
        let length = rest.chars().next().and_then(|quote| rest[1..].find(quote));
        let Some(length) = length else { return Err(self.unexpected()) };
        self.scan.at += length + 2;
        Ok(Expression::unevaluated("a text", Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(text: &str, m1: Option<f64>, m2: Option<f64>) -> Option<f64> {
        let point_by_id = |id: &str| match id {
            "m1" => m1,
            "m2" => m2,
            other => panic!("{other}"),
        };
        Expression::read(text).unwrap().point(&point_by_id)
    }

    #[test]
    fn operators_have_usual_precedence() {
        for (text, value) in
            [("1 + 2 * 3 ^ 2", 19.0), ("(1+2)*3", 9.0), ("10 - 2 - 3", 5.0), ("2 ^ 3 ^ 2", 512.0), ("-2 + 5", 3.0)]
        {
            assert_eq!(point(text, None, None), Some(value), "{text}");
        }
    }

    #[test]
    fn operators_compute_and_compare() {
        for (operator, expected) in [
            ("+", [3.0, 4.0, 5.0]),
            ("-", [-1.0, 0.0, 1.0]),
            ("*", [2.0, 4.0, 6.0]),
            ("/", [0.5, 1.0, 1.5]),
            ("^", [1.0, 4.0, 9.0]),
            ("<", [1.0, 0.0, 0.0]),
            ("<=", [1.0, 1.0, 0.0]),
            (">", [0.0, 0.0, 1.0]),
            (">=", [0.0, 1.0, 1.0]),
            ("==", [0.0, 1.0, 0.0]),
            ("!=", [1.0, 0.0, 1.0]),
        ] {
            let text = format!("m1 {operator} m2");
            let found = [1.0, 2.0, 3.0].map(|one| point(&text, Some(one), Some(2.0)));
            assert_eq!(found, expected.map(Some), "{text}");
        }
    }

    #[test]
    fn numbers_and_ids_are_read() {
        for (text, value) in [(".5 + 1.5", 2.0), ("3 * -m1 ^ 2", -12.0), ("-(1 - 3)", 2.0)] {
            assert_eq!(point(text, Some(2.0), None), Some(value), "{text}");
        }
        assert_eq!(Expression::read("a_1").unwrap(), Expression::Id("a_1".to_owned()));
    }

    #[test]
    fn results_that_are_not_finite_are_missing() {
        assert_eq!(point("10 ^ 400", None, None), None);
        assert_eq!(point("FILL(1 / 0, 7)", None, None), Some(7.0));
        assert_eq!(point("FILL(m1 / 0, 7)", Some(1.0), None), Some(7.0));
    }

    #[test]
    fn missing_operand_counts_as_zero() {
        let rate = "100 * m1 / m2";
        assert_eq!(point(rate, Some(5.0), Some(50.0)), Some(10.0));
        assert_eq!(point(rate, None, Some(50.0)), Some(0.0), "no errors among requests");
        assert_eq!(point(rate, Some(5.0), None), None, "division by zero");
        assert_eq!(point(rate, None, None), None);
        assert_eq!(point("m1 + m2", Some(5.0), None), Some(5.0));
        assert_eq!(point("m1 * 100", None, None), None, "a constant has no data points");
    }

    #[test]
    fn if_and_fill_choose_values() {
        assert_eq!(point("IF(m2 > 10, m1, 0)", Some(5.0), Some(50.0)), Some(5.0));
        assert_eq!(point("IF(m2 > 10, m1, 0)", Some(5.0), Some(5.0)), Some(0.0));
        assert_eq!(point("IF(m2 > 10, m1)", Some(5.0), Some(5.0)), None);
        assert_eq!(point("IF(m2 > 10, m1, 1)", None, Some(50.0)), Some(0.0), "a branch without a data point is 0");
        assert_eq!(point("IF(m2, m1, 1)", Some(5.0), None), None);
        assert_eq!(point("FILL(m1, 7)", None, None), Some(7.0));
        assert_eq!(point("FILL(m1, m2)", Some(1.0), Some(2.0)), Some(1.0));
    }

    #[test]
    fn invalid_expressions_are_rejected_with_their_position() {
        for (text, expected) in [
            ("RATIO(m1)", "`RATIO(m1)` at character 1"),
            ("RATE m1", "`RATE` at character 1"),
            ("RATE(m1", "the end at character 8"),
            ("RATE(m1 m2)", "`m2)` at character 9"),
            ("RATE(m1,)", "`)` at character 9"),
            ("METRICS('errors)", "`'errors)` at character 9"),
            ("MAX([m1, m2)", "`)` at character 12"),
            ("m1 AND", "the end at character 7"),
            ("selection(m1)", "`(m1)` at character 10"),
            ("m1 + ", "the end at character 6"),
            ("m1 m2", "`m2` at character 4"),
            ("IF(m1)", "`)` at character 6"),
            ("M1", "`M1` at character 1"),
            ("1 + m1.0", "`m1.0` at character 5"),
            ("1x", "`1x` at character 1"),
            ("1.2.3", "`1.2.3` at character 1"),
            ("_a", "`_a` at character 1"),
            ("(m1", "the end at character 4"),
            ("IF(m1, 2", "the end at character 9"),
            ("IF m1", "`m1` at character 4"),
            ("FILL(m1)", "`)` at character 8"),
            ("", "the end at character 1"),
            (&"(".repeat(2_000), "`((((((((((((((((((((((((((((((` at character 51 of"),
            (&"-".repeat(2_000), "` at character 51 of"),
            (&"1^".repeat(1_000), "` at character 101 of"),
            (&"1+".repeat(50_000), "` at character 2049 of"),
        ] {
            let message = Expression::read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(message.len() < 500, "{message}");
        }
    }

    #[test]
    fn parts_that_are_not_evaluated_are_named() {
        for (text, part, ids) in [
            ("RATE(m1)", "RATE", &["m1"][..]),
            ("100 * RATE(m1) / m2", "RATE", &["m1", "m2"]),
            ("FILL(m1, REPEAT)", "REPEAT", &["m1"]),
            ("FILL(m1, LINEAR) + m2", "LINEAR", &["m1", "m2"]),
            ("ANOMALY_DETECTION_BAND(m1, 2)", "ANOMALY_DETECTION_BAND", &["m1"]),
            ("SUM(METRICS())", "SUM", &[]),
            ("SUM(METRICS('errors'))", "SUM", &[]),
            ("MAX([m1, m2])", "MAX", &["m1", "m2"]),
            ("IF(m1 > 1 AND m2 > 1, 1, 0)", "AND", &["m1", "m2"]),
            ("m1 > 1 || m2 > 1", "||", &["m1", "m2"]),
            ("IF(HOUR(m1) < 6, 0, m2)", "HOUR", &["m1", "m2"]),
            ("SEARCH('{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"', 'Average', 300)", "SEARCH", &[]),
            ("TIME_SERIES(10)", "TIME_SERIES", &[]),
            ("SELECT MAX(CPUUtilization) FROM SCHEMA(\"AWS/EC2\", InstanceId)", "a Metrics Insights query", &[]),
            (" select AVG(x) FROM \"N\"", "a Metrics Insights query", &[]),
        ] {
            let expression = Expression::read(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(expression.unevaluated_part(), Some(part), "{text}");
            assert_eq!(expression.ids(), ids.iter().copied().collect(), "{text}");
            assert_eq!(expression.point(&|_| Some(1.0)).filter(|_| text.starts_with("RATE")), None, "{text}");
        }
        for text in ["m1", "1 + m1", "IF(m1, m2, 0)", "IF(m1, m2)", "FILL(m1, 0)", "first + select_1"] {
            assert_eq!(Expression::read(text).unwrap().unevaluated_part(), None, "{text}");
        }
    }

    #[test]
    fn expression_lists_its_ids() {
        let expression = Expression::read("IF(a > 1, b / c, FILL(d, 0))").unwrap();
        assert_eq!(expression.ids(), BTreeSet::from(["a", "b", "c", "d"]));
        for text in ["a + a", "IF(a, a, 0)", "IF(a, 0, a)", "IF(a, a)", "FILL(a, a)"] {
            assert_eq!(Expression::read(text).unwrap().ids(), BTreeSet::from(["a"]), "{text}");
        }
    }
}
