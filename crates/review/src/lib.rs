#![doc = include_str!("../README.md")]

mod behaviour;
mod check_review;
mod cost;
mod facts;
mod headroom;
mod incident;
mod judging;
mod kind;
mod price;
mod proposal;
mod result;
mod reviewer;
mod search;
mod slope;
mod subject_trend;
mod template_edit;
mod trend;
mod values;
mod week;
mod what_if;
pub mod words;

pub use behaviour::{Behaviour, Delay, Firing};
pub use check_review::{CheckReview, Sensitivity};
pub use cost::MonthlyCost;
pub use headroom::{Gap, Headroom, Values};
pub use incident::{ReviewedIncident, SeenBy};
pub use kind::Kind;
pub use price::asked_metrics;
pub use proposal::{Change, Datapoints, Proposal, Tally, Verdict};
pub use result::{AlarmReview, RecordedFirings, Review, ReviewedMark, WhatIfResult, WithoutValues, schema};
pub use reviewer::{Input, ReviewError, review};
pub use subject_trend::{SubjectTrend, SubjectTrends, SubjectWeek};
pub use trend::{
    CheckTrend, CheckWeek, CostTrend, Group, Projection, SeriesTrend, StepTrend, StepTrends, StepWeek, Trends,
};
pub use values::Progress;
pub use week::Week;
pub use what_if::WhatIfError;
