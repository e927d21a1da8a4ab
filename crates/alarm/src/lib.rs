//! CloudWatch's alarm semantics, and the templates that alarms stand in. Pure: data and time are passed in.
//!
//! [`Template::read`] reads a CloudFormation template as CloudFormation would; [`alarms`] finds the alarms in it; [`Data`]
//! holds what was published; [`Replay`] tells when an alarm would have been in which state. What this crate does not know it
//! refuses, by its path: nothing is guessed.
//!
//! Sources: Amazon CloudWatch User Guide, "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data",
//! "Combining alarms", "Using math expressions with CloudWatch metrics"; AWS CloudFormation User Guide, "Intrinsic functions"
//! and "`AWS::LanguageExtensions` transform".

mod composite;
mod definition;
mod expression;
mod judge;
mod reader;
mod replay;
mod scan;
mod series;
pub mod template;

pub use composite::{Rule, RuleError};
pub use definition::{
    Actions, Alarm, Comparison, CompositeAlarm, MetricAlarm, MetricId, MissingData, Query, Source, Statistic,
};
pub use expression::{Expression, ExpressionError};
pub use judge::{State, judge};
pub use reader::alarms;
pub use replay::{Replay, Transition};
pub use series::{Data, Datapoint};
pub use template::{Inputs, Template, TemplateError};
