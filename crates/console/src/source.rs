//! Where the pages get what they show.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use alarm::MetricAlarm;
use check::budget::Objective;
use history::History;
use local::Store;
use runtime::Clock;
use scheduler::Board;
use settings::{LinkTemplates, Window as Maintenance};

use crate::actions::Actions;
use crate::demo::Faults;
use crate::memo::OncePerMinute;

use crate::status_settings::StatusSettings;

/// What the pages show.
#[derive(Clone)]
pub struct Source {
    /// Release of the program.
    pub release: String,
    /// Name of the environment.
    pub environment: String,
    /// Host of the platform; empty when it is not known.
    pub host: String,
    /// Where the history is, in words: `store FILE` or `deployment production`.
    pub place: String,
    /// Options by which commands name it, such as `--store FILE`.
    pub options: String,
    /// How long what is kept, in words.
    pub kept: String,
    /// The recorded past.
    pub history: Arc<dyn History>,
    /// The same history, if its questions have a price.
    pub once_per_minute: Option<Arc<OncePerMinute>>,
    /// What runs here; `None` if the console only looks back.
    pub live: Option<Live>,
    /// Checks and alarms.
    pub monitored: Monitored,
    /// What a person may do; `None` if the console only shows.
    pub actions: Option<Actions>,
    /// Faults of a demo platform.
    pub faults: Option<Arc<dyn Faults>>,
    /// Returns a text that differs after each change of the history; `None` when it cannot be read.
    pub changes: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// Clock of the runs.
    pub clock: Arc<dyn Clock>,
}

impl Source {
    /// Text that changes when there is something new to show.
    pub(crate) fn revision(&self) -> String {
        (self.changes)().unwrap_or_else(|| "unread".to_owned())
    }
}

/// The checks that run in this program.
#[derive(Clone)]
pub struct Live {
    /// Progress of the checks.
    pub board: Arc<Board>,
    /// What runs recorded.
    pub store: Arc<Store>,
}

/// Checks and alarms. A change of the settings may replace them.
#[derive(Clone, Default)]
pub struct Monitored(Arc<RwLock<Arc<Shown>>>);

/// Checks and alarms at one time.
#[derive(Debug, Default)]
pub struct Shown {
    /// Ids of the checks.
    pub checks: Vec<&'static str>,
    /// The shipped alarms on them.
    pub alarms: Vec<MetricAlarm>,
    /// Objective of each check that has one.
    pub objectives: BTreeMap<String, Objective>,
    /// Links to the platform's own tools; `None` when the settings are elsewhere.
    pub links: Option<LinkTemplates>,
    /// Maintenance windows of the settings.
    pub windows: Vec<Maintenance>,
    /// The settings in effect, without secrets; `None` when they are elsewhere.
    pub settings: Option<String>,
    /// The public status page; `None` without one.
    pub status: Option<StatusSettings>,
}

impl Monitored {
    /// Shows these checks and alarms.
    #[must_use]
    pub fn new(shown: Shown) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(shown))))
    }

    /// Shows others from now on.
    pub fn replace(&self, shown: Shown) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shown);
    }

    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
