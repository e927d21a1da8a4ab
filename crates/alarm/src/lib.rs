//! Evaluation of CloudWatch alarms, and a reader of the templates that define them. Pure: callers pass data and time in.
//!
//! [`Template::read`] resolves a CloudFormation template; [`alarms`] finds the alarms in it; [`Data`] holds published
//! values; [`Replay`] computes the state of each alarm over time. Unsupported features are errors that name their path:
//! nothing is guessed.
//!
//! Sources: Amazon CloudWatch User Guide, "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data",
//! "Combining alarms", "Using math expressions with CloudWatch metrics"; AWS CloudFormation User Guide, "Intrinsic
//! functions" and "`AWS::LanguageExtensions` transform".

mod composite;
mod definition;
mod expression;
mod judge;
mod reader;
mod replay;
mod scan;
mod series;
mod state;
pub mod template;

pub use composite::{Rule, RuleError};
pub use definition::{
    Actions, Alarm, Comparison, CompositeAlarm, MetricAlarm, MetricId, MissingData, Query, Source, Statistic,
};
pub use expression::{Expression, ExpressionError};
pub use judge::judge;
pub use reader::alarms;
pub use replay::{Replay, Transition};
pub use series::{Data, Datapoint};
pub use state::State;
pub use template::{Inputs, Template, TemplateError};
