//! Does the platform have every payment that the provider took, and no other?
//!
//! Both sides' payments of the last hours are read page by page and compared:
//! 1. `log-in`: of an account of its own.
//! 2. `platform-payments`: the payments of each school.
//! 3. `provider-payments`, subject `provider`: its payment intents, and those that were begun long before, since people take
//!    their time to pay. Beside the platform's. A payment that only the platform has is looked up at the provider by its id,
//!    since an intent may be older still; one that no run has looked up yet is not judged.
//! 4. `match`, of each kind of difference: `missing-on-platform`, `missing-at-provider`, `twice`, `amount`, `currency`, `status`, `late`.
//!    Each is a subject of its own.
//!
//! Creates nothing but a session, so a failure is confirmed by the next run. Windows overlap: a payment is compared by many
//! runs, the youngest ones not yet, since they may be on their way. Payments of synthetic traffic are left out. What is told
//! are ids and amounts, never what else the provider knows of a payment. Publishes `PaymentMismatches`.

mod ledger;
mod read;
mod settings;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use check::metric::PAYMENT_MISMATCHES;
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use futures::join;
use jiff::{SignedDuration, Timestamp};
use probe::expect::{json, json_list};
use probe::{Method, Request, Response, Url, throttled};
use runtime::session::{Site, UserSession, status};
use runtime::settings::{Common, Credentials, SecretRef, Section, written_id};
use runtime::{Check, Run, Step, signed};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use ledger::{Kind, Side, Window, compare, summary};
pub use settings::RawReconciliation;

/// Both sides are read by so much more than what is compared: their clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// No list has more pages.
const MOST_PAGES: usize = 2_000;
/// So many payments that only the platform has are looked up at the provider. The others are not judged by this run.
const MOST_LOOKED_UP: usize = 10;

/// Payments on both sides.
pub struct Reconciliation {
    /// Where, and what it is called.
    pub site: Site,
    /// Who lists payments.
    pub credentials: Credentials,
    /// Whose payments.
    pub schools: Vec<Value>,
    /// How far back.
    pub lookback: Duration,
    /// How long a payment may be on its way.
    pub grace_period: Duration,
    /// How long after the provider the platform may record it.
    pub late_after: Duration,
    /// How long before it is paid a payment may be begun at the provider.
    pub intent_lifetime: Duration,
    /// How many payments of one side are held at most.
    pub max_payments: u32,
    /// The other side.
    pub provider: Provider,
}

/// The provider of payments.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Where, as it was written.
    pub written_url: String,
    /// Where.
    pub url: Url,
    /// A restricted key.
    pub key: SecretRef,
}

impl Check for Reconciliation {
    const ID: &'static str = "reconciliation";
    const READ_ONLY: bool = false;

    type Raw = RawReconciliation;

    fn read(raw: RawReconciliation, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawReconciliation {
        self.to_raw()
    }

    /// A step at its slowest and the rest of the way as long again.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let kinds = Kind::ALL.into_iter().map(|kind| subject(kind.name()));
        Some(kinds.chain([Subject::whole(), subject("provider")]).collect())
    }

    async fn attempt(&self, run: &Run) {
        // Stops are recorded where they happen.
        if self.reconcile(run).await.is_err() {
            let reason = if run.in_maintenance() { "the platform is in maintenance" } else { "one side was not read" };
            run.skip_rest(&["platform-payments"], reason);
            for kind in Kind::ALL {
                run.step(&subject(kind.name()), "match").skipped(reason);
            }
        }
    }
}

impl Reconciliation {
    async fn reconcile(&self, run: &Run) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        let key = step.secret(&self.provider.key).await?;
        let mut user = UserSession::new(run, &self.site);
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        let now = run.clock().now();
        let window = Window {
            from: now - signed(self.lookback),
            to: now - signed(self.grace_period),
            late_after: signed(self.late_after),
        };
        let (here, there) = join!(self.platform(run, &user, &window, now), self.intents(run, &key, &window));
        let (Some(here), mut there) = (here?, there?) else {
            for kind in Kind::ALL {
                run.step(&subject(kind.name()), "match").skipped("no school takes payments online");
            }
            return Ok(());
        };
        let unjudged = self.look_up(run, &key, &here, &mut there, &window).await?;
        let mut differences = compare(&here, &there, &window);
        if let Some(missing) = differences.get_mut(&Kind::MissingThere) {
            missing.retain(|(reference, _)| !unjudged.contains(reference));
        }
        differences.retain(|_, resources_of_type| !resources_of_type.is_empty());
        let all: usize = differences.values().map(Vec::len).sum();
        run.measure(&PAYMENT_MISMATCHES, all as f64, None);
        for kind in Kind::ALL {
            let step = run.step(&subject(kind.name()), "match");
            let resources_of_type = differences.get(&kind).map(Vec::as_slice).unwrap_or_default();
            if kind == Kind::MissingThere && resources_of_type.is_empty() && !unjudged.is_empty() {
                step.skipped(format!(
                    "not judged: {} payments of older intents, of which a run looks up {MOST_LOOKED_UP} at the provider",
                    unjudged.len() + MOST_LOOKED_UP
                ));
                continue;
            }
            let none = if resources_of_type.is_empty() {
                Ok(())
            } else {
                let noun = if resources_of_type.len() == 1 { "payment" } else { "payments" };
                Err(Mismatch {
                    kind: FailureKind::Invariant,
                    expected: kind.expected().to_owned(),
                    actual: format!("{} {noun}: {}", resources_of_type.len(), kind.name()),
                    evidence: Some(summary(resources_of_type)),
                })
            };
            if step.check(kind.name(), none).is_ok() {
                step.passed();
            }
        }
        Ok(())
    }

    /// The platform's side; `None` when no school takes payments online.
    async fn platform(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        window: &Window,
        now: Timestamp,
    ) -> Result<Option<Side>, StepEnded> {
        let step = run.step(&Subject::whole(), "platform-payments");
        let mut side = Side::new();
        let mut actual = HashSet::new();
        let mut skipped = Vec::new();
        for school in &self.schools {
            if !self.payments_of(&step, user, school, (window, now), (&mut side, &mut actual)).await? {
                skipped.push(written_id(school));
            }
        }
        if skipped.len() == self.schools.len() {
            step.skipped(format!("the schools take no payments online: {}", skipped.join(", ")));
            return Ok(None);
        }
        step.passed();
        Ok(Some(side))
    }

    /// All pages of one school. `false`: it takes no payments online.
    async fn payments_of(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        school: &Value,
        (window, now): (&Window, Timestamp),
        (side, actual): (&mut Side, &mut HashSet<String>),
    ) -> Result<bool, StepEnded> {
        let platform = &self.site.platform;
        let names = &platform.school_payments;
        // Whole days: whatever the platform takes for the beginning of one.
        let (from, to) = (platform.times.day(window.from - MARGIN), platform.times.day(now + MARGIN));
        let school = written_id(school);
        let at = |page: &str| {
            let values = [("school", school.as_str()), ("from", &from), ("to", &to), ("page", page)];
            names.path.at(&self.site.base_url, &values)
        };
        let mut url = at("1");
        let mut asked = HashSet::new();
        loop {
            if !asked.insert(url.clone()) || asked.len() > MOST_PAGES {
                let actual = format!("the page {} again, after {} pages", url.path(), asked.len());
                return Err(self.endless(step, &actual));
            }
            let answer = user.get(step, url.clone()).await?;
            if asked.len() == 1 && names.unsupported_statuses.contains(&answer.status.as_u16()) {
                return Ok(false);
            }
            step.check("status", status(&answer, &[200]))?;
            let list = json_list(&answer, platform.wrapper.as_str());
            step.check("list", list.as_ref().map(|_| ()).map_err(Clone::clone))?;
            for payment in list.unwrap_or_default() {
                let id = payment.pointer(names.id.as_str()).map(written_id);
                // Pages shift while they are read: what stands on two of them is one payment.
                if id.is_none_or(|id| actual.insert(id)) {
                    self.take(step, &payment, side)?;
                }
            }
            let next = json(&answer).ok().and_then(|body| body.pointer(names.next.as_str()).cloned());
            url = match next {
                None | Some(Value::Null | Value::Bool(_)) => return Ok(true),
                Some(Value::Number(page)) => at(&page.to_string()),
                Some(Value::String(text)) if text.is_empty() => return Ok(true),
                Some(Value::String(text)) if text.chars().all(|letter| letter.is_ascii_digit()) => at(&text),
                Some(Value::String(text)) => {
                    let next = url.join(&text).ok().filter(|next| next.origin() == self.site.base_url.origin());
                    let here = next.clone().map(|_| ()).ok_or_else(|| Mismatch {
                        kind: FailureKind::Redirect,
                        expected: "a next page at the platform".to_owned(),
                        actual: "one elsewhere".to_owned(),
                        evidence: None,
                    });
                    step.check("next", here)?;
                    let Some(next) = next else { return Ok(true) };
                    next
                }
                Some(other) => {
                    let actual = format!("{other} at {}", names.next.as_str());
                    return Err(self.endless(step, &actual));
                }
            };
        }
    }

    /// One of the platform's payments: ours are left out.
    fn take(&self, step: &Step<'_>, payment: &Value, side: &mut Side) -> Result<(), StepEnded> {
        let read = read::payment(&self.site.platform, payment);
        if let Err(mismatch) = &read {
            step.check("readable", Err(mismatch.clone()))?;
        }
        let Ok(Some((reference, entry))) = read else { return Ok(()) };
        side.entry(reference).and_modify(|known| known.count += 1).or_insert(entry);
        self.is_bounded(step, side)
    }

    /// The provider's side: all pages of its payment intents, newest first.
    async fn intents(&self, run: &Run, key: &SecretString, window: &Window) -> Result<Side, StepEnded> {
        let step = run.step(&subject("provider"), "provider-payments");
        let mut side = Side::new();
        let mut after: Option<String> = None;
        let mut asked = HashSet::new();
        loop {
            let mut url = self.provider_url(&["payment_intents"]);
            {
                let mut query = url.query_pairs_mut();
                query.append_pair("limit", "100");
                // Its charge tells when the money came in.
                query.append_pair("expand[]", "data.latest_charge");
                let from = window.from - window.late_after.max(signed(self.intent_lifetime)) - MARGIN;
                query.append_pair("created[gte]", &from.as_second().to_string());
                if let Some(after) = &after {
                    query.append_pair("starting_after", after);
                }
            }
            if !asked.insert(after.clone()) || asked.len() > MOST_PAGES {
                return Err(self.endless(&step, "the same page of payment intents again"));
            }
            let answer = self.ask_provider(&step, key, url).await?;
            step.check("status", provider_status(&answer))?;
            let body = self.provider_json(&step, &answer)?;
            let list = body["data"].as_array().cloned().unwrap_or_default();
            for intent in &list {
                self.take_intent(&step, intent, &mut side)?;
            }
            if body["has_more"] != true {
                break;
            }
            let last = list.last().and_then(|intent| intent["id"].as_str()).map(str::to_owned);
            let has_last = last.as_ref().map(|_| ()).ok_or_else(|| Mismatch {
                kind: FailureKind::Protocol,
                expected: "a page with payment intents, since there are more".to_owned(),
                actual: "an empty one".to_owned(),
                evidence: None,
            });
            step.check("page", has_last)?;
            after = last;
        }
        step.passed();
        Ok(side)
    }

    fn take_intent(&self, step: &Step<'_>, intent: &Value, side: &mut Side) -> Result<(), StepEnded> {
        let Some((id, entry)) = read::intent(intent) else { return Ok(()) };
        side.insert(id, entry);
        self.is_bounded(step, side)
    }

    /// What only the platform has may be of an older intent. Answers what was not looked up, since there is too much of it:
    /// each run has an order of its own.
    async fn look_up(
        &self,
        run: &Run,
        key: &SecretString,
        here: &Side,
        there: &mut Side,
        window: &Window,
    ) -> Result<HashSet<String>, StepEnded> {
        let mut differences = compare(here, there, window);
        let Some(missing) = differences.remove(&Kind::MissingThere) else { return Ok(HashSet::new()) };
        let mut missing: Vec<String> = missing.into_iter().map(|(reference, _)| reference).collect();
        missing.sort_by_cached_key(|reference| {
            let mut hasher = DefaultHasher::new();
            (run.id(), reference).hash(&mut hasher);
            hasher.finish()
        });
        let unjudged = missing.split_off(missing.len().min(MOST_LOOKED_UP)).into_iter().collect();
        let step = run.step(&subject("provider"), "look-up");
        for reference in &missing {
            let mut url = self.provider_url(&["payment_intents", reference]);
            url.query_pairs_mut().append_pair("expand[]", "latest_charge");
            let answer = self.ask_provider(&step, key, url).await?;
            if answer.status.as_u16() == 404 {
                continue;
            }
            step.check("status", provider_status(&answer))?;
            let intent = self.provider_json(&step, &answer)?;
            self.take_intent(&step, &intent, there)?;
        }
        step.passed();
        Ok(unjudged)
    }

    /// Asks the provider. What our own key or pace does is no judgement of anybody.
    async fn ask_provider(&self, step: &Step<'_>, key: &SecretString, url: Url) -> Result<Response, StepEnded> {
        let request = Request::new(Method::GET, url)
            .header("accept", "application/json")
            // Stripe takes the key as user, without a password.
            .basic_authorization(key.expose_secret(), "")
            .deadline(self.site.deadline)
            .max_redirects(0);
        let answer = step.send(request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = format!(
                "the payment provider answered {} to our key\nput a restricted key that may read payment intents and charges at {}",
                answer.status.as_u16(),
                self.provider.key
            );
            return Err(step.inconclusive(Cause::Credentials, &detail));
        }
        if throttled(&answer, &[]).is_some() {
            return Err(step.inconclusive(Cause::Throttled, "the payment provider throttles our requests"));
        }
        Ok(answer)
    }

    /// The answer as JSON. What is wrong with it is told without quoting it: it may hold what people paid with.
    fn provider_json(&self, step: &Step<'_>, answer: &Response) -> Result<Value, StepEnded> {
        let body =
            json(answer).map_err(|mismatch| Mismatch { evidence: None, actual: "no JSON".to_owned(), ..mismatch });
        step.check("json", body.as_ref().map(|_| ()).map_err(Clone::clone))?;
        Ok(body.unwrap_or_default())
    }

    fn provider_url(&self, path: &[&str]) -> Url {
        let mut url = self.provider.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    /// Thousands fit into the function, not any number.
    fn is_bounded(&self, step: &Step<'_>, side: &Side) -> Result<(), StepEnded> {
        if side.len() <= self.max_payments as usize {
            return Ok(());
        }
        let detail = format!(
            "more than {} payments within the last hours\nraise `max_payments`, and the function's memory with it, or shorten \
             `lookback`",
            self.max_payments
        );
        Err(step.inconclusive(Cause::Internal, &detail))
    }

    fn endless(&self, step: &Step<'_>, actual: &str) -> StepEnded {
        let mismatch = Mismatch {
            kind: FailureKind::Protocol,
            expected: "a list that comes to its end".to_owned(),
            actual: actual.to_owned(),
            evidence: None,
        };
        // Blind to it, there is nothing to go on with either.
        let _ = step.check("ends", Err(mismatch));
        StepEnded
    }
}

/// A failure of the provider's, told without its words: they may quote what people paid with.
fn provider_status(answer: &Response) -> Result<(), Mismatch> {
    status(answer, &[200]).map_err(|mismatch| Mismatch {
        evidence: None,
        actual: format!("the payment provider answered {}", answer.status.as_u16()),
        ..mismatch
    })
}

/// A subject by its name, which is one by its letters.
fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap_or_else(|_| Subject::whole())
}
