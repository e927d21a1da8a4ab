//! Runs restricted to a tag.

use std::sync::Arc;

use availability::Availability;
use hostile::{Server, ok};
use local::Memory;
use runtime::{Check, Invocation, Prepared, SkippingClock, execute};
use settings::Document;

use crate::{problems, settings};

#[tokio::test]
async fn tag_restricts_a_run_to_its_targets() {
    let server = Server::plain(|_| ok()).await;
    let keys = "tags = [\"public\", \"web\"]\ngroup = \"Web\"\n\
                [[check.availability.targets]]\nid = \"u\"\npath = \"/u\"\ntags = [\"api\"]\n\
                [[check.availability.targets]]\nid = \"v\"\npath = \"/v\"\n";
    let settings = settings(&format!("http://{}", server.address), "", keys);
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Availability> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(prepared.check.tags().into_iter().collect::<Vec<_>>(), ["api", "public", "web"]);
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), []);
    for (tag, expected) in [(Some("web"), &["/"][..]), (Some("api"), &["/u"]), (None, &["/", "/u", "/v"])] {
        let before = server.requests().len();
        let invocation = Invocation { tag: tag.map(str::to_owned), ..Invocation::manual() };
        execute(&prepared, &ports, &invocation).await.unwrap();
        let mut paths: Vec<String> = server.requests()[before..].to_vec();
        paths.sort();
        let paths: Vec<&str> = paths.iter().map(|request| request.split(' ').nth(1).unwrap()).collect();
        assert_eq!(paths, expected, "{tag:?}");
    }
}

#[test]
fn every_mistake_of_tags_is_named() {
    let long = "a".repeat(41);
    let many = (0..11).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join(", ");
    insta::assert_snapshot!(problems(&format!(
        "tags = [\"a\", \"\", \"a\", \"{long}\", \" b\"]\ngroup = \" \"\n\
         [[check.availability.targets]]\nid = \"u\"\npath = \"/\"\ntags = [{many}]\ngroup = 1\n"
    )));
}
