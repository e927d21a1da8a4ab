//! Mistakes in the settings are reported, all at once.

use check_testkit::settings_problems;
use journeys::Journeys;

#[test]
fn every_mistake_is_named() {
    insta::assert_snapshot!(settings_problems::<Journeys>(
        r#"
[[check.journeys.flows]]
id = "one"
deadline = "2s"
every = 0

[check.journeys.flows.values]
Wrong = "x"
run_id = "mine"
first = "{second}"
second = "{first}"
lost = "{nowhere} {token}"
when = { now = "2d", format = "%!", zone = "Europe/Nowhere" }
soon = { later = "+1d" }

[check.journeys.flows.secrets]
password = "hunter2-hunter2"
second = "env:SECOND"

[[check.journeys.flows.steps]]
name = "page"
path = "/a/{token}/b%4{first}?x={unknown}"
always = true
capture.token = { form = "_token", json = "/x" }
capture.first = { regex = "(" }
capture.none = {}

[[check.journeys.flows.steps]]
name = "page"
url = "https://{first}.example/x"
method = "POST"
headers = { x-a = "{tokn}", x-b = "{open", authorization = "Basic dXNlcjpwYXNz {first}" }
body.json = { "{first}" = 1, deep = [{ x = "a{first:number}" }] }
expect.json = [{ pointer = "/{first}", equals = "{later}" }]
expect.regex = ["a{first"]
repeat_until = { within = "3s" }

[[check.journeys.flows.steps]]
name = " "
path = "/x"
method = "POST"
headers.Origin = "https://localhost"
body.text = "{first}"
capture.later = { json = "x" }

[[check.journeys.flows.steps]]
name = "clean"
path = "/x"
method = "DELETE"
deadline = "4s"
always = true
repeat_until = { every = "1ms", within = "1s" }

[[check.journeys.flows]]
id = "one"
steps = [{ name = "only", path = "/x", always = true }]

[[check.journeys.flows]]
id = "-"
steps = []
"#
    ));
}

#[test]
fn steps_have_to_fit_the_deadline() {
    insta::assert_snapshot!(settings_problems::<Journeys>(
        r#"
[[check.journeys.flows]]
id = "waits"
deadline = "5s"
steps = [
  { name = "a", path = "/a", repeat_until = { within = "3s" } },
  { name = "b", path = "/b", repeat_until = { within = "3s" } },
  { name = "c", path = "/c", deadline = "6s" },
]

[[check.journeys.flows]]
id = "long"
deadline = "30s"
steps = [{ name = "a", path = "/a" }]
"#
    ));
}

#[test]
fn journeys_and_steps_are_limited() {
    assert!(settings_problems::<Journeys>("").contains("expected 1 to 50 journeys, found 0"));
    let flow =
        |id: usize| format!("[[check.journeys.flows]]\nid = \"f{id}\"\nsteps = [{{ name = \"s\", path = \"/\" }}]\n");
    let flows = |count: usize| (0..count).map(flow).collect::<String>();
    assert_eq!(settings_problems::<Journeys>(&flows(50)), "none");
    assert!(settings_problems::<Journeys>(&flows(200)).contains("expected 1 to 50 journeys, found 200"));
    let steps = |count: usize| {
        let steps = (0..count).map(|number| format!("{{ name = \"s{number}\", path = \"/\" }}")).collect::<Vec<_>>();
        format!("[[check.journeys.flows]]\nid = \"f\"\nsteps = [{}]\n", steps.join(", "))
    };
    assert_eq!(settings_problems::<Journeys>(&steps(30)), "none");
    assert!(settings_problems::<Journeys>(&steps(31)).contains("expected 1 to 30 steps, found 31"));
}

#[test]
fn journey_that_creates_may_take_longer() {
    let flow = |creates: bool| {
        format!(
            "[[check.journeys.flows]]\nid = \"f\"\ndeadline = \"25s\"\ncreates = {creates}\nsteps = [{{ name = \"s\", path = \"/\" }}]\n"
        )
    };
    assert_eq!(settings_problems::<Journeys>(&flow(true)), "none");
    assert!(
        settings_problems::<Journeys>(&flow(false)).contains("expected at least 70s, for 2 attempts of 25s"),
        "{}",
        settings_problems::<Journeys>(&flow(false))
    );
}
