//! The flow in process, against real servers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod certificates;
mod maintenance;
mod mutation;
mod retry_after;

use std::sync::Arc;

use availability::Availability;
use check::Report;
use hostile::Server;
use local::Memory;
use runtime::{Invocation, Prepared, SkippingClock, execute};
use settings::Document;

/// Report of a run with one target, the root of a server; `keys` are further keys of the target.
async fn report(server: &Server, keys: &str) -> Report {
    report_at(&format!("http://{}", server.address), "", keys).await
}

/// Report of a run with one target, the root of a base URL, with further keys of the network and of the target.
async fn report_at(base_url: &str, network: &str, keys: &str) -> Report {
    let settings = format!(
        "environment = \"test\"\nbase_url = \"{base_url}\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n\
         [links]\nrunbook = \"https://docs.example/\"\n[network]\nallow_addresses = [\"127.0.0.1\"]\n{network}\
         [check.availability]\ndeadline = \"45s\"\n\
         [[check.availability.targets]]\nid = \"t\"\npath = \"/\"\ndeadline = \"2s\"\n{keys}"
    );
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Availability> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), []);
    execute(&prepared, &ports, &Invocation::manual()).await.unwrap()
}
