//! The settings of the check: what is written, and what it must be.

use std::time::Duration;

use runtime::Check;
use runtime::session::Site;
use runtime::settings::{Common, RawCounting, RawCredentials, Section, written_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Booking;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBooking {
    /// The longest one request may take, from the name to the last byte. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// The id of the synthetic school, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    school: Option<Value>,
    /// The id of its teacher, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    teacher: Option<Value>,
    /// The id of its student, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<Value>,
    /// What kind of lesson is booked, in the platform's word. Default lesson.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// How long a lesson is. Default 45m.
    #[serde(skip_serializing_if = "Option::is_none")]
    lesson: Option<String>,
    /// How far ahead a lesson must be at least: more than the platform's notice period. Default 48h.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_lead_time: Option<String>,
    /// How far ahead a lesson may be. Default 336h.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_lead_time: Option<String>,
    /// How old a booking of ours must be to be taken for left behind: more than any run lasts. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    leftover_after: Option<String>,
    /// The account that books. No other check, location or person may use it.
    account: RawCredentials,
    /// Rates of real users, from the operations counters; none without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<RawCounting>,
}

impl RawBooking {
    /// `None` when something is wrong; the section holds all problems then.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Booking> {
        let check = Booking::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let school = section.id("school", self.school);
        let teacher = section.id("teacher", self.teacher);
        let student = section.id("student", self.student);
        let kind = section.text("kind", Some(self.kind.unwrap_or_else(|| "lesson".to_owned())));
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
                format!("expected at least `min_lead_time` and a lesson, {least}: no slot could be taken"),
            );
        }
        let leftover_after =
            section.duration("leftover_after", self.leftover_after, MINUTE * 15, MINUTE * 2..=HOUR * 24);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let counting = match self.counters {
            None => Some(None),
            Some(counters) => counters.validate(&section.table("counters"), common, check).map(Some),
        };
        let site = Site { base_url: common.base_url.clone(), platform: common.platform.clone(), deadline: deadline? };
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

impl Booking {
    /// As it would be written, every default in its place.
    pub(crate) fn to_raw(&self) -> RawBooking {
        RawBooking {
            step_deadline: Some(written_duration(self.site.deadline)),
            school: Some(self.school.clone()),
            teacher: Some(self.teacher.clone()),
            student: Some(self.student.clone()),
            kind: Some(self.kind.clone()),
            lesson: Some(written_duration(self.lesson)),
            min_lead_time: Some(written_duration(self.min_lead_time)),
            max_lead_time: Some(written_duration(self.max_lead_time)),
            leftover_after: Some(written_duration(self.leftover_after)),
            account: RawCredentials::from(&self.credentials),
            counters: self.counting.as_ref().map(RawCounting::from),
        }
    }
}
