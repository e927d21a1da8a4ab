//! Faults of the monitor itself, numbers 37 to 44 of docs/hostile-endpoints.md: each with the proof that it is handled.

mod page;
mod panics;

use std::pin::Pin;

use futures::{StreamExt, stream};

use crate::{misconfiguration, order, runs};

/// Number of proofs at a time.
const PARALLEL: usize = 3;
/// Set to write the section of the page.
const WRITE: &str = "WRITE_OWN_FAULTS";

/// One way in which a fault occurs.
struct Proof {
    number: u8,
    fault: &'static str,
    /// What the test does.
    disturbance: &'static str,
    /// What must happen; the page calls it the result.
    result: &'static str,
    run: fn() -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! proof {
    ($number:literal, $fault:literal, $disturbance:literal, $result:literal, $run:path) => {
        Proof { number: $number, fault: $fault, disturbance: $disturbance, result: $result, run: || Box::pin($run()) }
    };
}

const PROOFS: [Proof; 19] = [
    proof!(
        37,
        "duplicate event",
        "two processes get the same event at once, and one gets it again later",
        "one run counts; the others are refused as `duplicate`, and the last sends no request",
        runs::repeated_event_runs_once
    ),
    proof!(
        38,
        "overlapping runs",
        "a run still waits for a platform that hangs when the next one starts",
        "one incident and one notification; the slower run counts as well, or is refused",
        order::overlapping_runs_open_one_incident
    ),
    proof!(
        38,
        "late run",
        "a run of an earlier minute ends after one of a later minute, on clocks 90 s apart",
        "it is refused as `duplicate`; durations follow the schedule",
        order::late_run_is_refused_and_clocks_may_differ
    ),
    proof!(
        39,
        "crash before the state is written",
        "the process is killed before its write arrives",
        "the next run opens the incident and notifies once",
        misconfiguration::run_killed_before_its_write_counts_for_nothing
    ),
    proof!(
        39,
        "crash after the state is written",
        "the process is killed before it publishes",
        "the next run sends the notification once",
        misconfiguration::next_run_notifies_for_a_run_killed_before_publishing
    ),
    proof!(
        39,
        "crash after publishing",
        "the process is killed before the topics answer",
        "the next run sends the notification once more, with the same id",
        misconfiguration::run_killed_after_publishing_repeats_the_same_id
    ),
    proof!(
        40,
        "conditional write refused",
        "an operator mutes the check between read and write",
        "the run decides again and is silent",
        order::mute_set_during_a_run_applies_to_that_run
    ),
    proof!(
        40,
        "table throttled, unavailable or slow",
        "two throttled reads; a write refused with 500; a write whose answer takes longer than the timeout",
        "each notification is sent once; the run without a table fails with `StateUnavailable`",
        order::throttling_or_unavailable_table_loses_nothing
    ),
    proof!(
        40,
        "unreadable item",
        "the stored state is of another version",
        "the run fails with `StateUnavailable` and overwrites nothing",
        misconfiguration::unreadable_state_is_not_overwritten
    ),
    proof!(
        41,
        "topics unavailable",
        "every topic answers 500 during one run",
        "the report warns; the next run sends the notification once and publishes its age",
        misconfiguration::refused_notification_is_sent_by_the_next_run
    ),
    proof!(
        41,
        "topics slow",
        "every topic takes longer than the timeout of an attempt",
        "the notification arrives once",
        misconfiguration::slow_topic_gets_the_notification_once
    ),
    proof!(
        42,
        "metrics refused",
        "PutMetricData is refused with 500 during one run",
        "the notification is sent; the invocation fails with `MetricsNotPublished`",
        misconfiguration::refused_metrics_do_not_stop_the_notification
    ),
    proof!(
        42,
        "metrics throttled or accepted twice",
        "PutMetricData is throttled twice; then its answer is lost, and it is called again",
        "all metrics arrive; a repeated value leaves minimum, maximum and average as they are",
        misconfiguration::throttled_metrics_arrive_and_repeated_ones_change_no_alarm
    ),
    proof!(
        43,
        "no settings",
        "the file is missing",
        "the invocation fails with `SettingsInvalid` and names the file, without any request",
        misconfiguration::missing_settings_fail_the_invocation_and_name_the_file
    ),
    proof!(
        43,
        "wrong settings",
        "an unknown key, a wrong type, a missing value and an invalid path",
        "the invocation fails with `SettingsInvalid` and names all of them",
        misconfiguration::invalid_settings_are_reported_all_at_once
    ),
    proof!(
        43,
        "too many or repeated settings",
        "10,000 targets with the same id",
        "the invocation fails with `SettingsInvalid`; its error is short and names the limit and the id",
        misconfiguration::ten_thousand_targets_are_refused
    ),
    proof!(
        43,
        "settings that look like variables or patterns",
        "`${HOME}`, `$(id)`, `%PATH%`, `{{resolve:ssm:/name}}` and `*` in a name or a path",
        "they are used as they are written; settings have neither variables nor patterns",
        misconfiguration::texts_like_variables_stay_as_they_are_written
    ),
    proof!(
        43,
        "missing secret",
        "a reference to a parameter that does not exist",
        "the run is inconclusive and names the parameter; the next run uses it once it exists",
        misconfiguration::unresolved_reference_makes_the_run_inconclusive
    ),
    proof!(
        44,
        "panic in a check",
        "a check panics in every run",
        "its runs are inconclusive and notify; the process serves the next run, and other checks pass",
        panics::panicking_check_is_reported_and_others_pass
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_monitor_is_handled() {
    let mut failed = Vec::new();
    let mut running =
        stream::iter(&PROOFS).map(async |proof| (proof, tokio::spawn((proof.run)()).await)).buffer_unordered(PARALLEL);
    while let Some((proof, ended)) = running.next().await {
        println!("{} {}: {}", proof.number, proof.fault, if ended.is_ok() { "handled" } else { "NOT handled" });
        failed.extend(ended.err().map(|_| proof.fault));
    }
    assert!(failed.is_empty(), "not handled: {failed:?}; see the panics above");
    if std::env::var_os(WRITE).is_some() {
        page::write();
    }
    page::compare();
}
