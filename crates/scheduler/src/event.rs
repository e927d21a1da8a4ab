//! What happens while checks run at their cadence.

use check::Report;
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

use crate::{AlarmChange, Loss};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A run began.
    Began {
        /// Id of the check.
        check: &'static str,
    },
    /// A run ended.
    Ended {
        /// Id of the check.
        check: &'static str,
        /// Its report.
        report: Box<Report>,
        /// What the store did not take or give.
        losses: Vec<Loss>,
        /// Time of the next run.
        next: Timestamp,
    },
    /// A run could not begin.
    NotRun {
        /// Id of the check.
        check: &'static str,
        /// Reason.
        error: String,
        /// Time of the next run.
        next: Timestamp,
    },
    /// Runs were due and did not take place. They are not caught up.
    Missed {
        /// Id of the check.
        check: &'static str,
        /// Reason.
        missed: Missed,
        /// Number of runs.
        count: u64,
        /// Time of the next run.
        next: Timestamp,
    },
    /// The clock of the machine was set back.
    ClockSetBack {
        /// Id of the check that noticed.
        check: &'static str,
        /// Least time by which it was set back.
        by: SignedDuration,
        /// Time of the next run.
        next: Timestamp,
    },
    /// The store is no longer the opened file. Until it is again, writes are lost with the end of the program.
    StoreLost(PortError),
    /// The store is the opened file again.
    StoreFound,
    /// Events were dropped, since their reader took none for a while.
    Dropped {
        /// Number of events.
        count: u64,
    },
    /// An alarm changed its state.
    Alarm(Box<AlarmChange>),
    /// The alarms could not be evaluated.
    AlarmsUnread(PortError),
    /// A destination did not take the change of an alarm. It is sent again.
    AlarmNotSent(PortError),
}

impl Event {
    /// Id of the check that the event is about.
    pub(crate) const fn check(&self) -> Option<&'static str> {
        match self {
            Self::Began { check }
            | Self::Ended { check, .. }
            | Self::NotRun { check, .. }
            | Self::Missed { check, .. }
            | Self::ClockSetBack { check, .. } => Some(check),
            Self::StoreLost(_)
            | Self::StoreFound
            | Self::Dropped { .. }
            | Self::Alarm(_)
            | Self::AlarmsUnread(_)
            | Self::AlarmNotSent(_) => None,
        }
    }
}

/// Reason why runs did not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The machine or the program did not run: it slept, was suspended, or its clock was set forward.
    Asleep,
    /// The run before took longer than the interval.
    StillRunning,
}
