//! The browser tests of the console, one deployment for each file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use demo_platform::Fault;
use tokio::net::TcpListener;

use crate::console::Console;
use crate::emulator::target;
use crate::runtime_api::Function;
use crate::world::{World, repository};

/// Longest time for the tests of a file.
const LONGEST: Duration = Duration::from_secs(600);
/// Tests of security that start no console.
const OWN_CONSOLE: &str = "another site|a form of another|a name of another|an action takes";

/// A deployment that the browser tests break and repair.
struct Deployment {
    world: World,
    function: Function,
    console: String,
}

impl Deployment {
    /// Runs the function, as many times as an incident needs to open or close.
    async fn run(&self, outcome: &str) {
        for _ in 0..2 {
            let ran = self.world.run(&self.function).await;
            assert_eq!(ran.outcome(), outcome);
        }
    }

    async fn set_alarm(&self, state: StateValue, reason: &str) {
        let alarm = format!("just-driving-synthetics-{}-availability-failing", self.world.environment);
        let set = aws_sdk_cloudwatch::Client::new(&self.world.sdk).set_alarm_state().alarm_name(alarm);
        set.state_value(state).state_reason(reason).send().await.unwrap();
    }
}

async fn inject(State(deployment): State<Arc<Deployment>>) {
    deployment.world.platform.faults().activate(Fault::ServerError);
    deployment.run("failed").await;
    // As hostile as the rest: a reason may quote a name from outside.
    deployment.set_alarm(StateValue::Alarm, "2 of 2 <script>window.hacked = 1</script>").await;
}

async fn clear(State(deployment): State<Arc<Deployment>>) {
    deployment.world.platform.faults().clear(Fault::ServerError);
    deployment.run("passed").await;
    deployment.set_alarm(StateValue::Ok, "0 of 2").await;
}

/// Writes texts where a run, a person or CloudWatch may have written them.
async fn write(State(deployment): State<Arc<Deployment>>, texts: String) {
    let texts: Vec<String> = serde_json::from_str(&texts).unwrap();
    let all = texts.join(" ");
    deployment.world.put_incident_texts("availability", &all).await;
    for text in &texts {
        deployment.world.put_mark(text).await;
    }
    // CloudWatch accepts no longer reason.
    let reason: String = all.chars().filter(|c| !c.is_control()).take(1_000).collect();
    deployment.set_alarm(StateValue::Ok, "0 of 2").await;
    deployment.set_alarm(StateValue::Alarm, &reason).await;
}

/// Runs a file of tests/browser on a new deployment, with these options of Node.js.
async fn prove(name: &str, options: &[&str]) {
    let environment = name.rsplit('/').next().unwrap_or(name).replace('_', "-");
    let world = World::new(&format!("browser-{environment}")).await;
    world.deploy_alarms("Availability").await;
    let function = world.start("availability").await;
    let settings = world.write_settings();
    let console = Console::start(&world, &["--settings", settings.to_str().unwrap()]);
    let deployment = Deployment { console: format!("http://{}", console.address), world, function };
    deployment.run("passed").await;
    deployment.set_alarm(StateValue::Ok, "0 of 2").await;
    let router = Router::new()
        .route("/console", post(async |State(deployment): State<Arc<Deployment>>| deployment.console.clone()))
        .route("/inject", post(inject))
        .route("/clear", post(clear))
        .route("/write", post(write))
        .with_state(Arc::new(deployment));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut node = tokio::process::Command::new("node");
    node.args(["--test", "--test-reporter=spec"])
        .args(options)
        .arg(repository().join(format!("tests/browser/{name}.test.mjs")))
        .env("SYNTHETICS_DEPLOYMENT", &address)
        .env("SYNTHETICS_PROGRAM", target().join("debug/synthetics"))
        .env("SYNTHETICS_NODE_MODULES", modules())
        .kill_on_drop(true);
    let ran = tokio::time::timeout(LONGEST, node.output()).await;
    let output = ran.expect("the tests took too long").expect("node is missing: apt-get install nodejs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_is_visited() {
    prove("first_visit", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_shows_a_fault() {
    prove("fault", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_needs_no_script() {
    prove("without_script", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_is_accessible() {
    prove("accessibility", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_acts() {
    prove("actions", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_is_guarded() {
    prove("security", &["--test-name-pattern", OWN_CONSOLE]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_shows_hostile_texts() {
    prove("deployment/hostile_texts", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn console_of_a_deployment_reviews_it() {
    prove("deployment/review", &[]).await;
}

/// The packages of Node.js, as the step installs them.
fn modules() -> PathBuf {
    let modules = target().join("tools/browser/node_modules");
    assert!(modules.is_dir(), "{} is missing\n  install it: cargo xtask test browser", modules.display());
    modules
}
