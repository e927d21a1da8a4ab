//! Can people log in, and is refused what must be?
//!
//! One flow, as a user goes it:
//! 1. `open-form`: the log-in form is there, with its token and cookies.
//! 2. `log-in`: the right password is taken.
//! 3. `second-factor`: the password alone was not enough, and the code is. Only for an account that has one.
//! 4. `current-user`: we are who we logged in as.
//! 5. `own-school`: our own school is shown.
//! 6. `other-school`: another's is hidden.
//! 7. `log-out`: logging out works.
//! 8. `old-session`: what we held before is worth nothing after.
//! 9. `wrong-password`: a wrong password is refused. In a session and with an account of its own, and after the rest, so
//!    that the first word about a log-in that is down is `log-in`.
//! 10. `no-session`: nor does it give a session.
//! 11. `counters`: how real users fare. Judges nothing.
//!
//! Creates a session or token, which is ended after a failure, a timeout and a panic too; so a failure is confirmed by the
//! next run. Publishes `LoginFailureRate` and `Lockouts`.

mod counters;
mod memory;
mod settings;

use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use probe::{Response, Totp};
use runtime::counting::count;
use runtime::session::{Site, UserSession, status};
use runtime::settings::{Common, Counting, Mode, SecretRef, Section};
use runtime::{Check, Run, merged_as};
use secrecy::SecretString;

use counters::measure;
use memory::{Ended, Memory};
pub use settings::{Account, RawLogin};

/// The steps between the password and the end of the session.
const INSIDE: [&str; 5] = ["current-user", "own-school", "other-school", "log-out", "old-session"];

const IN_MAINTENANCE: &str = "the platform is in maintenance";

/// The log-in.
pub struct Login {
    /// Where, and what it is called.
    pub site: Site,
    /// Who logs in.
    pub account: Account,
    /// On whom a wrong password is tried.
    pub wrong_email: String,
    /// The account's own school.
    pub own_school: String,
    /// A school that is not the account's.
    pub other_school: String,
    /// How real users fare; `None`: not looked at.
    pub counting: Option<Counting>,
}

impl Check for Login {
    const ID: &'static str = "login";
    const READ_ONLY: bool = false;

    type Raw = RawLogin;

    fn read(raw: RawLogin, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawLogin {
        self.to_raw()
    }

    /// A step at its slowest and the rest of the way as long again. A flow that is slow at every step is cut off by the
    /// run's deadline, and fails by it.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn merged(base: Option<&str>, ours: &str, theirs: Option<&str>) -> String {
        merged_as(base, ours, theirs, Memory::merged)
    }

    async fn attempt(&self, run: &Run) {
        let mut memory: Memory = run.recall().unwrap_or_default();
        self.user(run, &mut memory).await;
        if run.in_maintenance() {
            skip(run, &["wrong-password", "no-session"], IN_MAINTENANCE);
            return;
        }
        // Stops are recorded where they happen.
        if self.wrong_password(run, &mut memory).await.is_err() {
            skip(run, &["no-session"], "no refusal was seen");
        }
        if let Some(counting) = &self.counting {
            let platform = &self.site.platform;
            let _ = count(run, &self.site, counting, |counters| measure(run, platform, &memory, counters)).await;
        }
    }
}

impl Login {
    /// Whether the platform took a password.
    fn accepts(&self, answer: &Response) -> bool {
        self.site.platform.login.status.as_slice().contains(&answer.status.as_u16())
    }

    /// What a user does, from the form to the old session.
    async fn user(&self, run: &Run, memory: &mut Memory) {
        let mut user = UserSession::new(run, &self.site);
        if self.enter(run, &mut user, memory).await.is_err() {
            skip(run, &INSIDE, if run.in_maintenance() { IN_MAINTENANCE } else { "not logged in" });
            return;
        }
        // One that fails says nothing about the next.
        let _ = self.current_user(run, &user).await;
        let _ = self.own_school(run, &user).await;
        let _ = self.other_school(run, &user).await;
        let before = user.copy();
        if self.log_out(run, &user, memory).await.is_ok() {
            let _ = nobody(run, "old-session", &before, "what was held before the log-out to be dead").await;
        } else {
            skip(run, &["old-session"], "not logged out");
        }
    }

    async fn enter(&self, run: &Run, user: &mut UserSession<'_>, memory: &mut Memory) -> Result<(), StepEnded> {
        let factor = self.account.totp_seed.is_some();
        let rest: &[&str] = if factor { &["log-in", "second-factor"] } else { &["log-in"] };
        let step = run.step(&Subject::whole(), "open-form");
        if let Err(stop) = user.open_form(&step).await {
            drop(step);
            skip(run, rest, "the form did not open");
            return Err(stop);
        }
        step.passed();
        if let Err(stop) = self.password(run, user, memory).await {
            skip(run, &rest[1..], "not logged in");
            return Err(stop);
        }
        match &self.account.totp_seed {
            Some(seed) => self.second_factor(run, user, seed, memory).await,
            None => Ok(()),
        }
    }

    async fn password(&self, run: &Run, user: &mut UserSession<'_>, memory: &mut Memory) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        let password = step.secret(&self.account.password).await?;
        let answer = user.send_password(&step, &self.account.email, &password).await;
        let ended = match &answer {
            Err(StepEnded) if step.is_throttled() => Some(Ended::Throttled),
            Err(StepEnded) => None,
            Ok(answer) if self.site.platform.login.refused.as_slice().contains(&answer.status.as_u16()) => {
                Some(Ended::Refused)
            }
            // With a second factor the platform counts the log-in when the code was taken.
            Ok(answer) if self.accepts(answer) && self.account.totp_seed.is_none() => Some(Ended::LoggedIn),
            Ok(_) => None,
        };
        note(run, memory, ended);
        let statuses = self.site.platform.login.status.as_slice();
        let answer = answer?;
        if self.account.totp_seed.is_some() && self.site.platform.login.mode == Mode::Token {
            // The token comes with the code.
            step.check("same_site", user.same_site(&answer))?;
            step.check("status", status(&answer, statuses))?;
        } else {
            user.accept(&step, &answer, statuses)?;
        }
        step.passed();
        Ok(())
    }

    async fn second_factor(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
        seed: &SecretRef,
        memory: &mut Memory,
    ) -> Result<(), StepEnded> {
        let factor = &self.site.platform.second_factor;
        wait_for_a_new_code(run, factor.period.get(), memory.code_step).await;
        let step = run.step(&Subject::whole(), "second-factor");
        let seed = step.secret(seed).await?;
        let totp = Totp::new(&seed, factor.period.get(), factor.digits.get())
            .map_err(|error| step.inconclusive(Cause::Credentials, &error.to_string()))?;
        let answer = user.ask_me(&step).await?;
        step.check(
            "password_is_not_enough",
            user.expect_unauthenticated(&answer, "nobody to be logged in without the code"),
        )?;
        let code_step = totp.step(run.clock().now());
        memory.code_step = Some(code_step);
        run.remember(memory);
        user.send_code(&step, &totp, code_step).await?;
        note(run, memory, Some(Ended::LoggedIn));
        step.passed();
        Ok(())
    }

    async fn current_user(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "current-user");
        let answer = user.ask_me(&step).await?;
        let me = &self.site.platform.me;
        step.check("status", status(&answer, &[200]))?;
        let email = user.expect_value(&answer, me.email.as_str(), &self.account.email);
        step.check("email", email.map_err(somebody_elses))?;
        if let Some(id) = &self.account.id {
            step.check("id", user.expect_value(&answer, me.id.as_str(), id).map_err(somebody_elses))?;
        }
        if let Some(role) = &self.account.role {
            step.check("role", user.expect_value(&answer, me.role.as_str(), role))?;
        }
        step.passed();
        Ok(())
    }

    async fn own_school(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "own-school");
        let school = &self.site.platform.school;
        let answer = user.get(&step, school.path.at(&self.site.base_url, &[("school", &self.own_school)])).await?;
        step.check("status", status(&answer, &[200]))?;
        step.check("id", user.expect_value(&answer, school.id.as_str(), &self.own_school).map_err(somebody_elses))?;
        step.passed();
        Ok(())
    }

    async fn other_school(&self, run: &Run, user: &UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "other-school");
        let school = &self.site.platform.school;
        let answer = user.get(&step, school.path.at(&self.site.base_url, &[("school", &self.other_school)])).await?;
        let hidden = status(&answer, school.hidden.as_slice()).map_err(|mismatch| {
            let kind = if answer.status.is_success() { FailureKind::Invariant } else { mismatch.kind };
            let expected = format!("another's school to be hidden ({})", mismatch.expected);
            // What is not hidden is somebody else's: no message quotes it.
            let bytes = format!("{} bytes, not quoted: they are somebody else's", answer.body.len());
            let evidence = if kind == FailureKind::Invariant { Some(bytes) } else { mismatch.evidence };
            Mismatch { kind, expected, actual: mismatch.actual, evidence }
        });
        step.check("hidden", hidden)?;
        step.passed();
        Ok(())
    }

    async fn log_out(&self, run: &Run, user: &UserSession<'_>, memory: &mut Memory) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-out");
        user.log_out(&step).await?;
        note(run, memory, Some(Ended::LoggedOut));
        step.passed();
        Ok(())
    }

    /// A password that is wrong for sure: of the run, so no account has it.
    async fn wrong_password(&self, run: &Run, memory: &mut Memory) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "wrong-password");
        let mut stranger = UserSession::new(run, &self.site);
        stranger.open_form(&step).await?;
        let password = SecretString::from(format!("wrong-on-purpose-{}", run.id()));
        let answer = stranger.send_password(&step, &self.wrong_email, &password).await;
        let login = &self.site.platform.login;
        let answer = match answer {
            Ok(answer) => answer,
            Err(stop) => {
                note(run, memory, step.is_throttled().then_some(Ended::Throttled));
                return Err(stop);
            }
        };
        let refused = status(&answer, login.refused.as_slice());
        let accepted = self.accepts(&answer);
        note(
            run,
            memory,
            match &refused {
                Ok(()) => Some(Ended::Refused),
                Err(_) => accepted.then_some(Ended::LoggedIn),
            },
        );
        let refused = refused.map_err(|mismatch| {
            let kind = if accepted { FailureKind::Invariant } else { mismatch.kind };
            Mismatch { kind, expected: format!("a wrong password to be refused ({})", mismatch.expected), ..mismatch }
        });
        step.check("refused", refused)?;
        step.passed();
        // Stops are recorded where they happen.
        let _ = nobody(run, "no-session", &stranger, "nobody to be logged in by a wrong password").await;
        Ok(())
    }
}

/// Nobody is logged in with what this visitor holds.
async fn nobody(run: &Run, name: &str, visitor: &UserSession<'_>, why: &str) -> Result<(), StepEnded> {
    let step = run.step(&Subject::whole(), name);
    let answer = visitor.ask_me(&step).await?;
    step.check("nobody", visitor.expect_unauthenticated(&answer, why))?;
    step.passed();
    Ok(())
}

/// A code is used once (RFC 6238, section 5.2): after a run in the same period, the next one is waited for.
async fn wait_for_a_new_code(run: &Run, period: Duration, last: Option<u64>) {
    let Some(last) = last else { return };
    let next = Duration::from_secs(period.as_secs().saturating_mul(last.saturating_add(1)));
    let now = Duration::try_from(run.clock().now().as_duration()).unwrap_or_default();
    let wait = next.saturating_sub(now);
    // More than a period: the memory is of another clock, or of another period.
    if !wait.is_zero() && wait <= period {
        run.wait(wait).await;
    }
}

/// Another user or school than ours is somebody's: no message says whose.
fn somebody_elses(mismatch: Mismatch) -> Mismatch {
    if mismatch.kind != FailureKind::Invariant {
        return mismatch;
    }
    let actual = "another one, not quoted: it is somebody else's".to_owned();
    Mismatch { actual, evidence: None, ..mismatch }
}

/// Remembers an own attempt at once: the run may be cut off.
fn note(run: &Run, memory: &mut Memory, ended: Option<Ended>) {
    if let Some(ended) = ended {
        memory.attempts.note(run.clock().now(), ended);
        run.remember(memory);
    }
}

fn skip(run: &Run, steps: &[&str], reason: &str) {
    for name in steps {
        run.step(&Subject::whole(), name).skipped(reason);
    }
}
