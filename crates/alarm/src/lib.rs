#![doc = include_str!("../README.md")]

mod composite;
mod definition;
mod expression;
mod judge;
mod mute_rule;
mod named;
mod points;
mod reader;
mod replay;
mod scan;
mod series;
mod state;
mod statistic;
pub mod template;

pub use composite::{Rule, RuleError};
pub use definition::{
    Actions, Alarm, Comparison, CompositeAlarm, MetricAlarm, MetricId, MissingData, NotReplayed, Numbers, Query,
    Source, UnreplayedAlarm, WatchedMetric,
};
pub use expression::{Expression, ExpressionError};
pub use judge::judge;
pub use mute_rule::MuteRule;
pub use reader::alarms;
pub use replay::{Evaluation, JudgedValues, Replay, Transition, not_replayed};
pub use series::{Data, Datapoint};
pub use state::State;
pub use statistic::{ExtendedFunction, ExtendedStatistic, PeriodStatistic, Statistic};
pub use template::{Inputs, Template, TemplateError};
