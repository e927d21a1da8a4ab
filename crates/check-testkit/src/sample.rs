//! Sample report of a run and a step, for tests that only read reports.

use check::{Attempt, Exchange, Outcome, Phases, Report, RunKey, Shard, Step, StepResult, Subject, Text};
use jiff::Timestamp;

/// Report of a passed manual run of `login`, with attempts of these durations that have no steps. A test replaces the fields
/// that matter to it.
///
/// **Units:** milliseconds.
#[must_use]
pub fn sample_report(durations_ms: &[f64]) -> Report {
    let at = Timestamp::constant(1_772_438_400, 0);
    let attempt = |duration_ms: &f64| Attempt {
        started: at,
        duration_ms: *duration_ms,
        steps: Vec::new(),
        measurements: Vec::new(),
    };
    Report {
        schema_version: Report::SCHEMA_VERSION,
        key: RunKey {
            check: "login".to_owned(),
            location: "eu-north-1".to_owned(),
            shard: Shard::MANUAL,
            scheduled_time: at,
        },
        run_id: "run".to_owned(),
        trace_id: "trace".to_owned(),
        environment: "demo".to_owned(),
        started: at,
        ended: at,
        outcome: Outcome::Passed,
        attempts: durations_ms.iter().map(attempt).collect(),
        reasons: Vec::new(),
        notifications: Vec::new(),
        leftovers: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A passed step with one request that took this long in each phase.
#[must_use]
pub fn sample_step(name: &str, at: Timestamp, phases: Phases) -> Step {
    let exchange = Exchange {
        method: "GET".to_owned(),
        url: Text::own("https://platform.example/"),
        started: at,
        duration_ms: 45.0,
        status: Some(200),
        protocol: None,
        remote: None,
        body_bytes: 0,
        location: None,
        certificate_expires: None,
        tls: None,
        retry_after_ms: None,
        phases,
    };
    Step {
        subject: Subject::whole(),
        name: name.to_owned(),
        started: at,
        duration_ms: 45.0,
        result: StepResult::Passed,
        assertions: Vec::new(),
        exchanges: vec![exchange],
    }
}
