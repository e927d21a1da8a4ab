//! The handler: settings and clients once per cold start, then one run per invocation.

use std::sync::Arc;
use std::time::Duration;

use aws::{Adapters, Topics};
use check::message::Topic;
use check::{Journey, Report};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use probe::Redactor;
use runtime::{CancellationToken, Check, Invocation, Ports, Prepared, RunError, execute};
use serde_json::{Value, json};
use settings::{Document, Problem};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use crate::log;

/// Error returned by a function's `main`.
pub use lambda_runtime::Error;

/// Reason why an invocation failed, with the error type that Lambda reports.
#[derive(Clone, Debug)]
struct Failure {
    error_type: &'static str,
    message: String,
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.to_owned(), error_message: failure.message }
    }
}

impl Failure {
    fn settings(message: impl Into<String>) -> Self {
        Self { error_type: "SettingsInvalid", message: message.into() }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { error_type: error.error_type(), message: error.to_string() }
    }
}

/// Serves invocations of one check until Lambda ends the process.
///
/// Wrong settings fail every invocation, not the start. Their problems then appear in the log and in the failure queue
/// of each; Lambda would only retry a failed start.
///
/// On SIGTERM, a run in progress undoes what it has created and answers; then the process ends. Lambda sends the signal only to
/// functions with an extension, and kills the others: see `docs/architecture.md`, "When the process is stopped".
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run<C: Check>() -> Result<(), Error> {
    hide_panic_messages();
    let mut terminate = signal(SignalKind::terminate())?;
    let interrupt = CancellationToken::new();
    let started = start::<C>(interrupt.clone()).await;
    let (started, busy) = (&started, &Mutex::new(()));
    let serving = lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let _busy = busy.lock().await;
        let result = match started {
            Ok((prepared, ports)) => handle(prepared, ports, event).await,
            Err(failure) => Err(failure.clone()),
        };
        match &result {
            Ok(report) => println!("{}", log::run_line(report)),
            Err(failure) => println!("{}", log::failure_line(C::ID, failure.error_type, &failure.message)),
        }
        result
    }));
    let terminated = async {
        terminate.recv().await;
        interrupt.cancel();
    };
    until_terminated(serving, terminated, busy).await.unwrap_or(Ok(()))
}

/// Serves until the signal. From then on, waits for the end of the run in progress, which holds the lock, and for its answer.
/// Without a run it waits too: the last answer may still be on its way.
async fn until_terminated<T>(
    serving: impl Future<Output = T>,
    terminated: impl Future<Output = ()>,
    busy: &Mutex<()>,
) -> Option<T> {
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Some(ended),
        () = terminated => {}
    }
    let answered = async {
        // Held, so that no other run starts.
        let _idle = busy.lock().await;
        tokio::time::sleep(TO_ANSWER).await;
    };
    tokio::select! {
        ended = serving => Some(ended),
        () = answered => None,
    }
}

/// Time for the answer to reach the Runtime API, which is on the same machine.
const TO_ANSWER: Duration = Duration::from_millis(100);

async fn handle<C: Check>(prepared: &Prepared<C>, ports: &Ports, event: LambdaEvent<Value>) -> Result<Report, Failure> {
    let killed_at = i64::try_from(event.context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let invocation = Invocation { event: event.payload, killed_at, may_send: true, tag: None, explanation: None };
    Ok(execute(prepared, ports, &invocation).await?)
}

/// Prints only the location of a panic. Its text may contain the platform's answer, so only the report has it,
/// redacted.
fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        println!("{}", json!({ "level": "ERROR", "type": "panic", "place": place }));
    }));
}

async fn start<C: Check>(interrupt: CancellationToken) -> Result<(Prepared<C>, Ports), Failure> {
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let text = std::fs::read_to_string(&environment.settings).map_err(|error| {
        Failure::settings(format!(
            "failed to read the settings {}: {error}\n(the variable SETTINGS names the file; the settings layer provides it)",
            environment.settings
        ))
    })?;
    let broken = |problems: Vec<Problem>| Failure::settings(settings::listed(&problems, 0));
    let document = Document::parse(&environment.settings, &text).map_err(broken)?;
    let prepared = Prepared::read(&document).map_err(broken)?;
    let Adapters { state, metrics, notifier, secrets } =
        Adapters::for_function(&environment.region, environment.table, environment.topics).await;
    let ports = Ports {
        clock: crate::clock::clock(),
        state,
        metrics,
        notifier,
        secrets,
        redactor: Redactor::default(),
        location: environment.location,
        region: Some(environment.region),
        machine: None,
        release: release(),
        interrupt,
        recorder: Arc::new(Journey::new),
    };
    Ok((prepared, ports))
}

/// Release of this code: the version, and the commit if the build was given one.
fn release() -> String {
    let version = env!("CARGO_PKG_VERSION");
    option_env!("SYNTHETICS_COMMIT").map_or_else(|| version.to_owned(), |commit| format!("{version}+{commit}"))
}

/// Environment variables set by the template.
struct Environment {
    settings: String,
    table: String,
    topics: Topics,
    region: String,
    location: String,
}

impl Environment {
    /// Reads the variables once, through the given lookup.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut missing = Vec::new();
        let mut required = |name: &'static str| {
            given(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let region = required("AWS_REGION");
        let mut topics = Topics::from([
            (Topic::OnCall, required("TOPIC_ONCALL")),
            (Topic::Warnings, required("TOPIC_WARNINGS")),
            (Topic::Events, required("TOPIC_EVENTS")),
        ]);
        topics.extend(given("TOPIC_CHAT").map(|arn| (Topic::Chat, arn)));
        let environment = Self {
            settings: required("SETTINGS"),
            table: required("STATE_TABLE"),
            topics,
            location: given("LOCATION").unwrap_or_else(|| region.clone()),
            region,
        };
        if missing.is_empty() {
            return Ok(environment);
        }
        Err(Failure::settings(format!(
            "the function's environment lacks {}\n(infra/template.yaml sets them)",
            missing.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn run_is_answered_whenever_the_signal_comes() {
        // A run from 50 ms to 100 ms, unless the signal comes before, and its answer 20 ms later.
        for (signal, answers) in [(0, 0), (60, 1), (100, 1), (110, 1), (130, 1)] {
            let (busy, answered) = (Mutex::new(()), Cell::new(0));
            let serving = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let run = busy.lock().await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                drop(run);
                tokio::time::sleep(Duration::from_millis(20)).await;
                answered.set(answered.get() + 1);
                std::future::pending::<()>().await;
            };
            let terminated = tokio::time::sleep(Duration::from_millis(signal));
            let ended = until_terminated(serving, terminated, &busy).await;
            assert_eq!((ended, answered.get()), (None, answers), "signal after {signal} ms");
        }
    }

    #[test]
    fn all_missing_variables_are_reported() {
        let failure = Environment::read(|name| (name == "AWS_REGION").then(|| "eu-north-1".to_owned())).err().unwrap();
        assert_eq!(failure.error_type, "SettingsInvalid");
        for name in ["SETTINGS", "STATE_TABLE", "TOPIC_ONCALL", "TOPIC_WARNINGS", "TOPIC_EVENTS"] {
            assert!(failure.message.contains(name), "{}", failure.message);
        }
        let environment = Environment::read(|name| Some(format!("the {name}"))).ok().unwrap();
        assert_eq!(environment.location, "the LOCATION");
    }
}
