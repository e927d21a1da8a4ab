#![doc = include_str!("../README.md")]

mod ledger;
mod payment;
mod settings;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ::settings::{Common, Contract, Pointer, Section, check_id, written_id};
use check::metric::PAYMENT_MISMATCHES;
use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, Subject, ours, phrase};
use futures::join;
use jiff::{SignedDuration, Timestamp};
use platform::pages::{NextPage, Pages, numbered};
use platform::{SchoolPayments, UserSession, items, short_id, status};
use probe::expect::json;
use probe::{Method, Request, Response, Url, is_throttled, remaining_wait};
use runtime::{Check, MemoryCell, Run, Step, signed};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub use self::settings::{Provider, RawReconciliation, Reconciliation};
use ledger::{Kind, Side, Window, compare, summary};

/// Extra time read at both ends of the compared window, since the two sides' clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// Maximum number of pages in one list.
const MAX_PAGES: usize = 2_000;
/// Maximum number of payments that one run looks up at the provider by id.
const MAX_LOOKUPS: usize = 10;
/// Maximum size of one side's texts for each of `max_payments`: more than the longest id and reference. **Units:** bytes.
const MAX_TEXTS: usize = 400;

impl Check for Reconciliation {
    const ID: &'static str = "reconciliation";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;
    const CADENCE: Duration = Duration::from_secs(900);

    type Raw = RawReconciliation;
    type Memory = ();

    fn read(raw: RawReconciliation, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// One step at its deadline, plus the same time for all other steps.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let kinds = Kind::ALL.into_iter().map(|kind| subject(kind.name()));
        Some(kinds.chain([Subject::whole(), subject("provider")]).collect())
    }

    async fn attempt(&self, run: &Run, _memory: &MemoryCell<()>) {
        // The steps themselves have recorded their failures.
        if self.reconcile(run).await.is_err() {
            let reason =
                if run.in_maintenance() { "the platform is in maintenance" } else { "one side could not be read" };
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
        let (platform, provider) =
            join!(self.platform_payments(run, &user, &window, now), self.provider_payments(run, &key, &window));
        let (Some(platform), mut provider) = (platform?, provider?) else {
            for kind in Kind::ALL {
                run.step(&subject(kind.name()), "match").skipped("no school takes payments online");
            }
            return Ok(());
        };
        let not_looked_up = self.look_up(run, &key, &platform, &mut provider, &window).await?;
        let mut differences = compare(&platform, &provider, &window);
        if let Some(missing) = differences.get_mut(&Kind::MissingAtProvider) {
            missing.retain(|(reference, _)| !not_looked_up.contains(reference));
        }
        differences.retain(|_, payments| !payments.is_empty());
        let all: usize = differences.values().map(Vec::len).sum();
        run.measure(&PAYMENT_MISMATCHES, all as f64, None);
        for kind in Kind::ALL {
            let step = run.step(&subject(kind.name()), "match");
            let payments = differences.get(&kind).map(Vec::as_slice).unwrap_or_default();
            if kind == Kind::MissingAtProvider && payments.is_empty() && !not_looked_up.is_empty() {
                step.skipped(phrase!(
                    "not all compared: {} payments have older intents, and a run looks up {} at the provider",
                    not_looked_up.len() + MAX_LOOKUPS,
                    MAX_LOOKUPS
                ));
                continue;
            }
            let result = if payments.is_empty() {
                Ok(())
            } else {
                let noun = if payments.len() == 1 { "payment" } else { "payments" };
                let hint = if kind == Kind::Status && !platform.has_succeeded() {
                    "; none has succeeded on the platform: if it has another word for that, set \
                     `platform.school_payments.succeeded_statuses`"
                } else {
                    ""
                };
                let actual = phrase!("{} {}: {}{}", payments.len(), noun, kind.name(), hint);
                Err(Mismatch::new(FailureKind::Invariant, kind.expected(), actual).with_evidence(summary(payments)))
            };
            if step.check(kind.name(), result).is_ok() {
                step.passed();
            }
        }
        Ok(())
    }

    /// Reads the platform's side. Returns `None` if no school takes payments online.
    async fn platform_payments(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        window: &Window,
        now: Timestamp,
    ) -> Result<Option<Side>, StepEnded> {
        let step = run.step(&Subject::whole(), "platform-payments");
        let mut side = Side::default();
        let mut skipped = Vec::new();
        for school in &self.schools {
            if !self.school_payments(&step, user, school, (window, now), &mut side).await? {
                skipped.push(written_id(school));
            }
        }
        if skipped.len() == self.schools.len() {
            step.skipped(phrase!("the schools take no payments online: {}", ours(skipped.join(", "))));
            return Ok(None);
        }
        step.passed();
        Ok(Some(side))
    }

    /// Reads all pages of one school. Returns false if it takes no payments online.
    async fn school_payments(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        school: &Value,
        (window, now): (&Window, Timestamp),
        side: &mut Side,
    ) -> Result<bool, StepEnded> {
        let platform = &self.site.platform;
        let names = &platform.school_payments;
        // Whole days, since the platform's day may begin at another hour.
        let (from, to) = (platform.times.day(window.from - MARGIN), platform.times.day(now + MARGIN));
        let school = written_id(school);
        let at = |page: &str| {
            let values = [("school", school.as_str()), ("from", &from), ("to", &to), ("page", page)];
            names.path.at(&self.site.base_url, &values).map_err(|mismatch| step.fail("id", mismatch))
        };
        let mut pages = Pages::new(&self.site, Some(names.next.as_str()), MAX_PAGES);
        let (mut url, mut is_first) = (at("1")?, true);
        loop {
            let answer = user.get(step, url).await?;
            if is_first && names.unsupported_statuses.contains(&answer.status.as_u16()) {
                return Ok(false);
            }
            is_first = false;
            step.check("status", status(&answer, &[200]))?;
            let list = step.check_value("list", items(platform, &answer, &in_each(names)))?;
            // Recorded only when it fails.
            let next = pages.next(&answer, &list).map_err(|mismatch| step.fail("next", mismatch))?;
            for payment in list {
                // Recorded only when it fails: a run reads thousands.
                let id = payment.pointer(names.id.as_str()).map(|id| short_id(id, names.id.as_str())).transpose();
                let id = id.map_err(|mismatch| step.fail("readable", mismatch))?;
                // New payments shift the pages, so a payment may be on two of them.
                if id.is_none_or(|id| side.is_new(&school, id)) {
                    self.add_payment(step, &payment, side)?;
                }
            }
            url = match next {
                None => return Ok(true),
                Some(NextPage::At(url)) => url,
                Some(NextPage::Numbered(page)) if names.path.as_str().contains("{page}") => at(&page)?,
                Some(NextPage::Numbered(page)) => numbered(&answer.url, &page),
            };
        }
    }

    /// Adds a payment of the platform, unless it is synthetic.
    fn add_payment(&self, step: &Step<'_>, payment: &Value, side: &mut Side) -> Result<(), StepEnded> {
        // Recorded only when it fails: a run reads thousands.
        let read =
            payment::payment(&self.site.platform, payment).map_err(|mismatch| step.fail("readable", mismatch))?;
        if let Some((reference, entry)) = read {
            side.add(reference, entry, false);
        }
        self.check_size(step, side)
    }

    /// Reads the provider's side: all pages of its payment intents, newest first.
    async fn provider_payments(&self, run: &Run, key: &SecretString, window: &Window) -> Result<Side, StepEnded> {
        let step = run.step(&subject("provider"), "provider-payments");
        let mut side = Side::default();
        let mut after: Option<String> = None;
        let mut asked = HashSet::new();
        loop {
            let mut url = self.provider_url(&["payment_intents"]);
            {
                let mut query = url.query_pairs_mut();
                query.append_pair("limit", "100");
                // The charge has the time of the payment.
                query.append_pair("expand[]", "data.latest_charge");
                let from = window.from - window.late_after.max(signed(self.intent_lifetime)) - MARGIN;
                query.append_pair("created[gte]", &from.as_second().to_string());
                if let Some(after) = &after {
                    query.append_pair("starting_after", after);
                }
            }
            if !asked.insert(after.clone()) || asked.len() > MAX_PAGES {
                return Err(self.endless(&step, "a page of payment intents repeated"));
            }
            let answer = self.ask_provider(&step, key, url).await?;
            step.check("status", provider_status(&answer))?;
            let body = self.provider_json(&step, &answer)?;
            // Recorded only when it fails, as `readable`.
            let list = body["data"].as_array().cloned().ok_or_else(|| {
                let expected = "a list at /data of the provider's answer";
                step.fail("list", Mismatch::new(FailureKind::Protocol, expected, "none"))
            })?;
            for intent in &list {
                self.add_intent(&step, intent, &mut side)?;
            }
            match body["has_more"].as_bool() {
                Some(true) => {}
                Some(false) => break,
                None => {
                    let (expected, actual) = ("`has_more` as true or false in the provider's answer", "another value");
                    return Err(step.fail("page", Mismatch::new(FailureKind::Protocol, expected, actual)));
                }
            }
            let last = list.last().and_then(|intent| intent["id"].as_str()).map(str::to_owned);
            let expected = "a page with payment intents, since `has_more` was true";
            let last = last.ok_or_else(|| Mismatch::new(FailureKind::Protocol, expected, "an empty page"));
            after = Some(step.check_value("page", last)?);
        }
        step.passed();
        Ok(side)
    }

    fn add_intent(&self, step: &Step<'_>, intent: &Value, side: &mut Side) -> Result<(), StepEnded> {
        let read = payment::intent(intent).map_err(|mismatch| step.fail("readable", mismatch))?;
        let Some((id, entry)) = read else { return Ok(()) };
        side.add(id, entry, true);
        self.check_size(step, side)
    }

    /// Looks up payments that only the platform has: their intents may be older than the provider's list. Returns the
    /// references beyond the limit of one run. Each run has its own order, so that later runs reach the others.
    async fn look_up(
        &self,
        run: &Run,
        key: &SecretString,
        platform: &Side,
        provider: &mut Side,
        window: &Window,
    ) -> Result<HashSet<String>, StepEnded> {
        let mut differences = compare(platform, provider, window);
        let Some(missing) = differences.remove(&Kind::MissingAtProvider) else { return Ok(HashSet::new()) };
        let mut missing: Vec<String> = missing.into_iter().map(|(reference, _)| reference).collect();
        missing.sort_by_cached_key(|reference| {
            let mut hasher = DefaultHasher::new();
            (run.id(), reference).hash(&mut hasher);
            hasher.finish()
        });
        let not_looked_up = missing.split_off(missing.len().min(MAX_LOOKUPS)).into_iter().collect();
        let step = run.step(&subject("provider"), "look-up");
        for reference in &missing {
            let reference = check_id(reference).map(|()| reference).map_err(|found| {
                Mismatch::new(FailureKind::Assertion, "a reference to a payment that can be part of a path", found)
            });
            let reference = reference.map_err(|mismatch| step.fail("id", mismatch))?;
            let mut url = self.provider_url(&["payment_intents", reference]);
            url.query_pairs_mut().append_pair("expand[]", "latest_charge");
            let answer = self.ask_provider(&step, key, url).await?;
            if answer.status.as_u16() == 404 {
                continue;
            }
            step.check("status", provider_status(&answer))?;
            let intent = self.provider_json(&step, &answer)?;
            self.add_intent(&step, &intent, provider)?;
        }
        step.passed();
        Ok(not_looked_up)
    }

    /// Sends a request to the provider. A refused key and throttling make the run inconclusive.
    async fn ask_provider(&self, step: &Step<'_>, key: &SecretString, url: Url) -> Result<Response, StepEnded> {
        let request = Request::new(Method::GET, url)
            .header("accept", "application/json")
            // Stripe expects the key as the user name, without a password.
            .basic_authorization(key.expose_secret(), "")
            .deadline(self.site.deadline)
            .max_redirects(0);
        let answer = step.send(request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = phrase!(
                "the payment provider answered {} to the key\nput a restricted key with read access to payment intents and \
                 charges at {}",
                answer.status.as_u16(),
                ours(&self.provider.key)
            );
            return Err(step.inconclusive(Cause::Credentials, detail));
        }
        if is_throttled(&answer, &[]) {
            let detail = phrase!(
                "the payment provider throttles the check's requests ({}{})",
                answer.status.as_u16(),
                remaining_wait(&answer)
            );
            return Err(step.inconclusive(Cause::Throttled, detail));
        }
        Ok(answer)
    }

    /// Parses a response of the provider as JSON. Errors do not quote it, since it may contain payment methods.
    fn provider_json(&self, step: &Step<'_>, answer: &Response) -> Result<Value, StepEnded> {
        let body = json(answer).map_err(|mismatch| Mismatch { evidence: None, actual: "not JSON".into(), ..mismatch });
        step.check_value("json", body)
    }

    fn provider_url(&self, path: &[&str]) -> Url {
        let mut url = self.provider.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    /// Ends the step as inconclusive if a side has more payments than `max_payments`, or longer texts than that many
    /// have: both bound the function's memory.
    fn check_size(&self, step: &Step<'_>, side: &Side) -> Result<(), StepEnded> {
        let (most, max_bytes) = (self.max_payments as usize, self.max_payments as usize * MAX_TEXTS);
        let detail = if side.len() > most {
            phrase!(
                "more than {} payments within the last hours\nraise `max_payments` and the function's memory, or shorten \
                 `lookback`",
                most
            )
        } else if side.bytes() > max_bytes {
            phrase!(
                "more than {} bytes of ids and currencies of payments within the last hours\nraise `max_payments` and the \
                 function's memory, or shorten `lookback`",
                max_bytes
            )
        } else {
            return Ok(());
        };
        Err(step.inconclusive(Cause::Internal, detail))
    }

    fn endless(&self, step: &Step<'_>, actual: impl Into<Phrase>) -> StepEnded {
        step.fail("ends", Mismatch::new(FailureKind::Protocol, "a list that ends", actual))
    }
}

/// Checks the status of a response of the provider. The error does not quote it, since it may contain payment methods.
fn provider_status(answer: &Response) -> Result<(), Mismatch> {
    status(answer, &[200]).map_err(|mismatch| Mismatch {
        evidence: None,
        actual: phrase!("the payment provider answered {}", answer.status_line()),
        ..mismatch
    })
}

/// Returns the subject with this name. The names in this module are valid subjects.
fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap_or_else(|_| Subject::whole())
}

/// Pointers that must be found in some payment of a list.
fn in_each(names: &SchoolPayments) -> [&str; 6] {
    [&names.id, &names.reference, &names.amount, &names.currency, &names.status, &names.created_at].map(Pointer::as_str)
}
