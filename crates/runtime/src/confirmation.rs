//! Confirmation of a failure within the run: repeated subjects, and the votes of both attempts.

use std::collections::BTreeMap;

use check::incident::Vote;
use check::{Attempt, Cause, Outcome, Step, Subject, Verdict};

use crate::check_trait::Check;

/// Keeps the results of the first attempt for subjects without a repetition. Their exchanges are in its record.
pub(crate) fn keep_results<C: Check>(attempt: &mut Attempt, first: &Attempt, check: &C) {
    let kept = first.steps.iter().filter(|step| !check.repeats(&step.subject));
    let kept = kept.map(|step| Step { exchanges: Vec::new(), ..step.clone() });
    attempt.steps.splice(0..0, kept);
}

/// Returns true if a second attempt would repeat a failed subject.
pub(crate) fn can_be_confirmed<C: Check>(outcome: &Outcome, check: &C) -> bool {
    matches!(outcome, Outcome::Failed { failures } if failures.iter().any(|failure| check.repeats(&failure.subject)))
}

/// Votes of the last attempt on each subject. A failure is confirmed if the first attempt found it too. Subjects of an
/// attempt cut off before its end are not voted healthy.
pub(crate) fn votes(
    attempts: &[Attempt],
    is_complete: bool,
    repeats: impl Fn(&Subject) -> bool,
) -> BTreeMap<Subject, Vote> {
    let Some((last, earlier)) = attempts.split_last() else { return BTreeMap::new() };
    let earlier: Vec<_> = earlier.iter().map(Attempt::verdicts).collect();
    let confirmed = |subject: &Subject| {
        !earlier.is_empty()
            && repeats(subject)
            && earlier.iter().all(|verdicts| matches!(verdicts.get(subject), Some(Verdict::Failing(_))))
    };
    let verdicts = last.verdicts();
    let is_judged = !verdicts.is_empty();
    let mut votes: BTreeMap<Subject, Vote> = verdicts
        .into_iter()
        .filter_map(|(subject, verdict)| match verdict {
            Verdict::Healthy => is_complete.then_some((subject, Vote::Healthy)),
            Verdict::Failing(failure) => {
                let confirmed = confirmed(&subject);
                Some((subject, Vote::Failing { failure, confirmed }))
            }
            // A person stopped the run, which says nothing about the platform or the monitoring of it.
            Verdict::Inconclusive(inconclusive) if inconclusive.cause == Cause::Interrupted => None,
            Verdict::Inconclusive(inconclusive) => Some((subject, Vote::Inconclusive(inconclusive))),
            Verdict::Maintenance(_) => Some((subject, Vote::Maintenance)),
        })
        .collect();
    // A run always votes on the check as a whole, at least on reaching a verdict.
    match last.outcome() {
        Outcome::Inconclusive { inconclusive } if inconclusive.cause == Cause::Interrupted => {}
        Outcome::Inconclusive { inconclusive } if !is_judged => {
            votes.insert(Subject::whole(), Vote::Inconclusive(inconclusive));
        }
        _ if is_complete => {
            votes.entry(Subject::whole()).or_insert(Vote::Healthy);
        }
        _ => {}
    }
    votes
}
