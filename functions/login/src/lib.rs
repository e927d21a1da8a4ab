#![doc = include_str!("../README.md")]

mod counters;
mod memory;
mod settings;

use std::time::Duration;

use ::settings::{Common, Contract, SecretRef, Section};
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject, ours, phrase};
use platform::counting::count;
use platform::{Encoding, Item, Mode, Totp, UserSession, status};
use probe::Response;
use runtime::{Check, MemoryCell, Run};
use secrecy::SecretString;

pub use self::settings::{Account, Login, RawLogin};
use counters::measure;
use memory::{AttemptResult, Memory};

/// The steps between the password and the end of the session.
const INSIDE: [&str; 5] = ["current-user", "own-school", "other-school", "log-out", "old-session"];

const IN_MAINTENANCE: &str = "the platform is in maintenance";

impl Check for Login {
    const ID: &'static str = "login";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;
    const OBJECTIVE: Option<f64> = Some(0.99);

    type Raw = RawLogin;
    type Memory = Memory;

    fn read(raw: RawLogin, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// One step at its deadline, plus the same time for all other steps. If every step is slow, the run's deadline cuts the
    /// flow off and the run fails.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        self.user_session(run, memory).await;
        if run.in_maintenance() {
            skip(run, &["wrong-password", "no-session"], IN_MAINTENANCE);
            return;
        }
        // The step itself has recorded its failure.
        if self.wrong_password(run, memory).await.is_err() {
            skip(run, &["no-session"], "the wrong password was not refused");
        }
        if let Some(counting) = &self.counting {
            let platform = &self.site.platform;
            let _ = count(run, &self.site, counting, |counters| measure(run, platform, &memory.get(), counters)).await;
        }
    }
}

impl Login {
    /// Returns true when the platform accepted the password.
    fn accepts(&self, answer: &Response) -> bool {
        self.site.platform.login.status.as_slice().contains(&answer.status.as_u16())
    }

    /// Runs the steps from the form to the old session.
    async fn user_session(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let mut user = UserSession::new(run, &self.site);
        if self.open_and_log_in(run, &mut user, memory).await.is_err() {
            skip(run, &INSIDE, if run.in_maintenance() { IN_MAINTENANCE } else { "not logged in" });
            return;
        }
        // These steps are independent: a failed one does not skip the next.
        let _ = self.current_user(run, &user).await;
        let _ = self.own_school(run, &user).await;
        let _ = self.other_school(run, &user).await;
        let before = user.copy();
        if self.log_out(run, &user, memory).await.is_ok() {
            let _ = unauthenticated(run, "old-session", &before, "the session to be invalid after log-out").await;
        } else {
            skip(run, &["old-session"], "not logged out");
        }
    }

    async fn open_and_log_in(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let factor = self.account.totp_seed.is_some();
        let rest: &[&str] = if factor { &["log-in", "second-factor"] } else { &["log-in"] };
        let step = run.step(&Subject::whole(), "open-form");
        match user.open_form(&step).await {
            Ok(true) => step.passed(),
            Ok(false) => step.skipped("the platform has no page to log in, and a log-in for a token needs none"),
            Err(ended) => {
                drop(step);
                skip(run, rest, "the form did not open");
                return Err(ended);
            }
        }
        if let Err(ended) = self.password(run, user, memory).await {
            skip(run, &rest[1..], "not logged in");
            return Err(ended);
        }
        match &self.account.totp_seed {
            Some(seed) => self.second_factor(run, user, seed, memory).await,
            None => Ok(()),
        }
    }

    async fn password(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        let password = step.password(&self.account.password).await?;
        let answer = user.send_password(&step, &self.account.email, &password).await;
        let result = match &answer {
            Err(StepEnded) if step.is_throttled() => Some(AttemptResult::Throttled),
            Err(StepEnded) => None,
            Ok(answer) if user.is_refused(answer) => Some(AttemptResult::Refused),
            // With a second factor, the platform counts the log-in once the code is accepted.
            Ok(answer) if self.accepts(answer) && self.account.totp_seed.is_none() => Some(AttemptResult::LoggedIn),
            Ok(_) => None,
        };
        record_attempt(run, memory, result);
        let statuses = self.site.platform.login.status.as_slice();
        let answer = answer?;
        if self.account.totp_seed.is_none() {
            let what_to_do = "set `account.totp_seed` to its seed, or use an account without one";
            user.expect_no_second_factor(&step, &answer, &self.account.email, what_to_do)?;
        }
        if self.account.totp_seed.is_some() && self.site.platform.login.mode == Mode::Token {
            // The platform sends the token in its answer to the code.
            step.check("same_site", user.same_site(&answer))?;
            step.check("status", status(&answer, statuses))?;
        } else {
            user.accept(&step, &answer, statuses)?;
            if self.account.totp_seed.is_none() {
                user.expect_session(&step, &answer).await?;
            }
            user.renew_page_token(&step).await;
        }
        step.passed();
        Ok(())
    }

    async fn second_factor(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
        seed: &SecretRef,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let factor = &self.site.platform.second_factor;
        wait_for_next_code(run, factor.period.get(), memory.get().code_step).await;
        let step = run.step(&Subject::whole(), "second-factor");
        let reference = seed;
        let seed = step.secret(reference).await?;
        let totp = Totp::new(&seed, factor.period.get(), factor.digits.get()).map_err(|error| {
            step.inconclusive(
                Cause::Credentials,
                phrase!("{}\nput the account's seed at {}", ours(error), ours(reference)),
            )
        })?;
        let answer = user.ask_me(&step).await?;
        step.check("password_is_not_enough", user.expect_unauthenticated(&answer, "no log-in without the code"))?;
        let code_step = totp.step(run.clock().now());
        memory.update(|memory| memory.code_step = Some(code_step));
        user.send_code(&step, &totp, code_step).await?;
        record_attempt(run, memory, Some(AttemptResult::LoggedIn));
        step.passed();
        Ok(())
    }

    async fn current_user(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "current-user");
        let answer = user.ask_me(&step).await?;
        let me = &self.site.platform.me;
        step.check("status", user.expect_logged_in(&answer))?;
        let found = Item::new(&self.site.platform, &answer, &[&me.id, &me.email, &me.role]);
        let email = found.expect_email(&me.email, &self.account.email);
        step.check("email", email.map_err(without_actual_value))?;
        if let Some(id) = &self.account.id {
            step.check("id", found.expect_identity(&me.id, id).map_err(without_actual_value))?;
        }
        if let Some(role) = &self.account.role {
            step.check("role", found.expect_identity(&me.role, role))?;
        }
        step.passed();
        Ok(())
    }

    async fn own_school(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "own-school");
        let school = &self.site.platform.school;
        let url = school.path.at(&self.site.base_url, &[("school", &self.own_school)]);
        let answer = user.get(&step, url.map_err(|mismatch| step.fail("id", mismatch))?).await?;
        step.check("status", status(&answer, &[200]))?;
        let found = Item::enclosed(&self.site.platform, &answer).expect_identity(&school.id, &self.own_school);
        step.check("id", found.map_err(without_actual_value))?;
        step.passed();
        Ok(())
    }

    async fn other_school(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "other-school");
        let school = &self.site.platform.school;
        let url = school.path.at(&self.site.base_url, &[("school", &self.other_school)]);
        let answer = user.get(&step, url.map_err(|mismatch| step.fail("id", mismatch))?).await?;
        let hidden = status(&answer, school.hidden.as_slice()).map_err(|mismatch| {
            let kind = if answer.status.is_success() { FailureKind::Invariant } else { mismatch.kind };
            let expected = phrase!("another school to be hidden ({})", mismatch.expected);
            // The exposed data belongs to another school, so no message quotes it.
            let bytes = phrase!("{} bytes, not quoted: they belong to another school", answer.body.len());
            let evidence = if kind == FailureKind::Invariant { Some(bytes) } else { mismatch.evidence };
            Mismatch { kind, expected, actual: mismatch.actual, evidence }
        });
        step.check("hidden", hidden)?;
        step.passed();
        Ok(())
    }

    async fn log_out(&self, run: &Run, user: &UserSession<'_>, memory: &MemoryCell<Memory>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-out");
        user.log_out(&step).await?;
        record_attempt(run, memory, Some(AttemptResult::LoggedOut));
        step.passed();
        Ok(())
    }

    /// Sends a password that no account can have: it contains the run's id.
    async fn wrong_password(&self, run: &Run, memory: &MemoryCell<Memory>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "wrong-password");
        let mut stranger = UserSession::new(run, &self.site);
        stranger.open_form(&step).await?;
        let password = SecretString::from(format!("wrong-on-purpose-{}", run.id()));
        let answer = stranger.send_password(&step, &self.wrong_email, &password).await;
        let login = &self.site.platform.login;
        let answer = match answer {
            Ok(answer) => answer,
            Err(ended) => {
                record_attempt(run, memory, step.is_throttled().then_some(AttemptResult::Throttled));
                return Err(ended);
            }
        };
        let accepted = self.accepts(&answer);
        // Where a redirect may mean a log-in, the session decides: both may lead to the front page.
        let is_refused = stranger.is_refused(&answer)
            || ((accepted || login.encoding == Encoding::Form) && stranger.has_no_session(&step, &answer).await?);
        let refused = if is_refused { Ok(()) } else { status(&answer, login.refused.as_slice()) };
        record_attempt(
            run,
            memory,
            match &refused {
                Ok(()) => Some(AttemptResult::Refused),
                Err(_) => accepted.then_some(AttemptResult::LoggedIn),
            },
        );
        let refused = refused.map_err(|mismatch| {
            let kind = if accepted { FailureKind::Invariant } else { mismatch.kind };
            let expected = phrase!("a wrong password to be refused ({})", mismatch.expected);
            Mismatch { kind, expected, ..mismatch }
        });
        step.check("refused", refused)?;
        step.passed();
        // The step itself has recorded its failure.
        let _ = unauthenticated(run, "no-session", &stranger, "no session after a wrong password").await;
        Ok(())
    }
}

/// Checks in a step that the cookies or token of a session do not log in.
async fn unauthenticated(
    run: &Run,
    name: &str,
    session: &UserSession<'_>,
    expected: &'static str,
) -> Result<(), StepEnded> {
    let step = run.step(&Subject::whole(), name);
    let answer = session.ask_me(&step).await?;
    step.check("unauthenticated", session.expect_unauthenticated(&answer, expected))?;
    step.passed();
    Ok(())
}

/// Waits for the next code if an earlier run has used the current one: a code is valid once (RFC 6238, section 5.2).
async fn wait_for_next_code(run: &Run, period: Duration, last: Option<u64>) {
    let Some(last) = last else { return };
    let next = Duration::from_secs(period.as_secs().saturating_mul(last.saturating_add(1)));
    let now = Duration::try_from(run.clock().now().as_duration()).unwrap_or_default();
    let wait = next.saturating_sub(now);
    // A longer wait means that the memory comes from a different clock or period.
    if !wait.is_zero() && wait <= period {
        run.wait(wait).await;
    }
}

/// Removes the actual value from a mismatch: it identifies another user or school.
fn without_actual_value(mismatch: Mismatch) -> Mismatch {
    if mismatch.kind != FailureKind::Invariant {
        return mismatch;
    }
    let actual = "a different one, not quoted: it belongs to another user or school".into();
    Mismatch { actual, evidence: None, ..mismatch }
}

/// Remembers an attempt of this check.
fn record_attempt(run: &Run, memory: &MemoryCell<Memory>, result: Option<AttemptResult>) {
    if let Some(result) = result {
        memory.update(|memory| memory.attempts.note(run.clock().now(), result));
    }
}

fn skip(run: &Run, steps: &[&str], reason: &'static str) {
    for name in steps {
        run.step(&Subject::whole(), name).skipped(reason);
    }
}
