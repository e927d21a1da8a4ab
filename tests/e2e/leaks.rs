//! No output holds a secret of the settings.

use std::sync::Arc;

use demo_platform::faults::catalogue;
use tokio::task::JoinSet;

use crate::leak_search::{Search, control};
use crate::runtime_api::Function;
use crate::world::{Datapoint, World};

/// Number of commands that run at the same time.
const PARALLEL: usize = 4;
const FORMATS: [&str; 3] = ["table", "json", "junit"];

/// Searches everything that functions have put out so far: their log lines, which hold the reports; messages; state with
/// outbox; these metrics.
pub async fn assert_no_secret(world: &World, functions: &[&Function], metrics: &[Datapoint]) {
    let credentials = world.platform.credentials();
    let search = Search::new(credentials.values().map(String::as_str));
    let logs: String = functions.iter().map(|function| function.output()).collect();
    let outputs = [
        ("log", logs),
        ("messages", world.envelopes()),
        ("state", world.state().await),
        ("metrics", format!("{metrics:?}")),
    ];
    for (name, output) in outputs {
        assert_eq!(search.find(&output), None, "{name} of {}: {output}", world.environment);
    }
}

#[test]
fn search_finds_every_encoding() {
    // Signs, letters beyond ASCII, short, digits.
    let secrets = [r#"c4nary+/="\ %&<s3cret>~tail-9f2c"#, "blåbærgrød-på-ø-7731/xY", "k7Qz9", "0041958312"];
    control(&secrets).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_print_no_secret_during_any_fault() {
    let faults = Arc::new(catalogue().unwrap());
    let mut running = JoinSet::new();
    for part in 0..PARALLEL {
        let faults = Arc::clone(&faults);
        running.spawn(async move {
            let world = World::new(&format!("commands-{part}")).await;
            let credentials = world.platform.credentials();
            let search = Search::new(credentials.values().map(String::as_str));
            let mut outputs = 0;
            for (index, spec) in faults.iter().enumerate().skip(part).step_by(PARALLEL) {
                world.platform.faults().activate(spec.fault);
                let format = FORMATS[index % FORMATS.len()];
                let output = world.run_locally(&[&spec.check, "--format", format], &credentials);
                world.platform.faults().clear(spec.fault);
                let output =
                    format!("{}{}", String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
                let is_run = output.contains(&spec.check) && !output.contains("failed to resolve");
                assert!(is_run, "{}, {format}: {output}", spec.fault);
                assert_eq!(search.find(&output), None, "{}, {format}: {output}", spec.fault);
                outputs += 1;
            }
            outputs
        });
    }
    let outputs: usize = running.join_all().await.into_iter().sum();
    assert_eq!(outputs, faults.len());
}
