//! The console on a deployment.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use demo_platform::Fault;

use crate::world::World;

/// A console that is stopped when it is dropped.
pub struct Console {
    program: Child,
    /// Host and port.
    pub address: String,
    /// The program ends when nobody reads its output.
    _output: BufReader<ChildStdout>,
}

impl Console {
    /// Starts a console on the deployment of a world.
    pub fn start(world: &World, more: &[&str]) -> Self {
        let variables: BTreeMap<_, _> = world.variables().into_iter().collect();
        let deployment = ["--table", &variables["STATE_TABLE"], "--environment", &world.environment];
        let arguments = ["console", "--listen", "127.0.0.1:0", "--allow-actions"];
        let mut program = world.command(&[&arguments[..], &deployment, more].concat());
        let mut program = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        tokio::task::block_in_place(|| output.read_line(&mut line)).unwrap();
        let address = line.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("expected an address, found {line:?}")).to_owned();
        Self { program, address, _output: output }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Sends a request and returns the answer, with its head.
fn ask(address: &str, request: &str) -> String {
    tokio::task::block_in_place(|| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
}

fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

fn post(address: &str, path: &str, form: &str) -> String {
    let kind = "application/x-www-form-urlencoded";
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Type: {kind}\r\n");
    ask(address, &format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn console_shows_a_deployment_and_acts_on_it() {
    let world = World::new("console").await;
    world.deploy_alarms("Availability").await;
    world.platform.faults().activate(Fault::ServerError);
    let function = world.start("availability").await;
    let ran = world.run_after(&function, Duration::from_secs(60)).await;
    assert_eq!(ran.outcome(), "failed");
    let alarm = "just-driving-synthetics-console-availability-slow";
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&world.sdk);
    let set = cloudwatch.set_alarm_state().alarm_name(alarm).state_value(StateValue::Alarm);
    set.state_reason("five slow minutes").send().await.unwrap();

    let console = Console::start(&world, &[]);
    let address = &console.address;
    for (path, expected) in [
        ("/", "1 failing"),
        ("/", "status 500"),
        ("/checks/availability", "availability-slow"),
        ("/checks/availability", "data-chart"),
        ("/incidents", "open incident"),
        ("/alarms", "1 in ALARM"),
        ("/alarms", "five slow minutes"),
        ("/about", "questions since the start"),
    ] {
        let page = get(address, path);
        assert!(page.starts_with("HTTP/1.1 200") && page.contains(expected), "{path}: expected {expected} in {page}");
    }
    let list = get(address, "/incidents");
    let incident = list.split('"').find(|part| part.starts_with("/incidents/availability")).unwrap();
    let page = get(address, incident);
    assert!(page.contains("first failed run") && page.contains("Runbook of availability"), "{page}");

    let done = post(address, "/actions/acknowledge", "scope=availability&by=anna&reason=rolling+back");
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("is acknowledged"), "{done}");
    assert!(get(address, incident).contains("rolling back"));
    let done = post(address, "/actions/mute", "scope=availability&length=1+hour&by=anna&reason=deploy");
    assert!(done.contains("availability is muted") && done.contains("7 alarms are muted too"), "{done}");
    let calls = world.calls.mute_rules.take();
    assert_eq!(calls.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["PutAlarmMuteRule"]);
    assert!(get(address, "/").contains("anna: deploy"));
    let done = post(address, "/actions/unmute", "scope=availability");
    assert!(done.contains("no longer muted"), "{done}");
}
