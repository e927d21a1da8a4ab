//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{Counting, Credentials, RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Common, RawDuration, RawId, Section, optional, written_duration};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The booking check.
pub struct Booking {
    /// The platform, its API names and the deadline of a request.
    pub site: Site,
    /// The account that books.
    pub credentials: Credentials,
    /// Id of the synthetic school.
    pub school: Value,
    /// Id of the school's teacher.
    pub teacher: Value,
    /// Id of the school's student.
    pub student: Value,
    /// Kind of lesson, as the platform names it.
    pub kind: String,
    /// Length of a lesson.
    pub lesson: Duration,
    /// Minimum time from now until the lesson.
    pub min_lead_time: Duration,
    /// Maximum time from now until the lesson.
    pub max_lead_time: Duration,
    /// Age from which a synthetic booking counts as a leftover.
    pub leftover_after: Duration,
    /// Settings of the real users' counters; `None` skips the step `counters`.
    pub counting: Option<Counting>,
}

/// Settings of the check `booking`, which books, moves and cancels a lesson.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBooking {
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. The whole flow has
    /// the run's `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the synthetic school. A number is sent as a number, a text as a text. Required.
    school: Option<RawId>,
    /// Id of the school's teacher. Required.
    teacher: Option<RawId>,
    /// Id of the school's student. Required.
    student: Option<RawId>,
    /// Kind of lesson to book, as the platform names it. Default lesson.
    kind: Option<String>,
    /// Length of a lesson: 5m to 8h. A longer free time is divided into lessons. Default 45m.
    lesson: Option<RawDuration>,
    /// Earliest start of a lesson, counted from now: 0s to 30d. Must exceed the platform's notice period. Default 48h.
    min_lead_time: Option<RawDuration>,
    /// Latest start of a lesson, counted from now: 1h to 60d, and at least `min_lead_time` plus a lesson. Default
    /// 14d.
    max_lead_time: Option<RawDuration>,
    /// Age from which a synthetic booking counts as a leftover, longer than any run takes: 2m to 24h. Default 15m.
    leftover_after: Option<RawDuration>,
    /// Account that books, without a second factor. No other check, location or person may use it. Required.
    account: RawCredentials,
    /// Rates of real users, from the operations counters. Default: not measured.
    counters: Option<RawCounting>,
}

impl RawBooking {
    /// Returns the validated check, or `None` after reporting all problems to the section.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Booking> {
        let check = Booking::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let school = section.id("school", self.school);
        let teacher = section.id("teacher", self.teacher);
        let student = section.id("student", self.student);
        let kind = section.text("kind", Some(section.or_default("kind", self.kind, "lesson".to_owned())));
        let lesson = section.duration("lesson", self.lesson, MINUTE * 45, MINUTE * 5..=HOUR * 8);
        let min_lead_time =
            section.duration("min_lead_time", self.min_lead_time, HOUR * 48, Duration::ZERO..=HOUR * 24 * 30);
        let max_lead_time =
            section.duration("max_lead_time", self.max_lead_time, HOUR * 24 * 14, HOUR..=HOUR * 24 * 60);
        if let (Some(min_lead_time), Some(max_lead_time), Some(lesson)) = (min_lead_time, max_lead_time, lesson)
            && max_lead_time < min_lead_time + lesson
        {
            let least = written_duration(min_lead_time + lesson);
            section.problem(
                "max_lead_time",
                format!(
                    "expected at least `min_lead_time` plus `lesson`, {least}, found {}",
                    written_duration(max_lead_time)
                ),
            );
        }
        let leftover_after =
            section.duration("leftover_after", self.leftover_after, MINUTE * 15, MINUTE * 2..=HOUR * 24);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let counting = optional(self.counters, |counters| counters.validate(&section.table("counters"), common, check));
        let site = Site::read(section, common, deadline?)?;
        Some(Booking {
            site,
            credentials: credentials?,
            school: school?,
            teacher: teacher?,
            student: student?,
            kind: kind?,
            lesson: lesson?,
            min_lead_time: min_lead_time?,
            max_lead_time: max_lead_time?,
            leftover_after: leftover_after?,
            counting: counting?,
        })
    }
}
