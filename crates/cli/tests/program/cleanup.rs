//! `synthetics cleanup` against a demo platform that holds leftovers.

use std::process::{Command, Output};

use demo_platform::{DemoPlatform, Options, Running, Throttle};
use serde_json::{Value, json};

use crate::{DEMO, settings_file, text};

/// A run of July 2024.
const RUN: &str = "0190b000-0000-7000-8000-000000000001";

/// Settings for this platform that take their secrets from the environment.
pub(crate) fn settings(name: &str, platform: &Running) -> String {
    let settings = DEMO
        .replace("http://127.0.0.1:8480", platform.base_url())
        .replace("\"ssm:/just-driving/demo/booking/password\"", "\"env:BOOKING_PASSWORD\"")
        .replace("\"ssm:/just-driving/demo/", "\"env:OTHER_")
        .lines()
        .filter(|line| !line.contains("env:OTHER_"))
        .collect::<Vec<_>>()
        .join("\n");
    let section = settings.find("[check.booking]").unwrap();
    let common = &settings[..settings.find("[check.availability]").unwrap()];
    let booking: Vec<&str> = settings[section..]
        .lines()
        .enumerate()
        .take_while(|(n, line)| *n == 0 || !line.starts_with('['))
        .map(|(_, line)| line)
        .collect();
    settings_file(name, &format!("{common}\n{}\n", booking.join("\n")))
}

fn cleanup(platform: &Running, file: &str, more: &[&str]) -> Output {
    let password = &platform.credentials()["booking/password"];
    Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["cleanup", "--settings", file])
        .args(more)
        .env("COLUMNS", "1000")
        .env("BOOKING_PASSWORD", password)
        .output()
        .unwrap()
}

/// Books a lesson with these notes, as a script would.
async fn book(platform: &Running, notes: &str, hour: u32) {
    let (client, base) = (reqwest::Client::new(), platform.base_url());
    let post = |path: &str, body: Value| {
        client
            .post(format!("{base}{path}"))
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .body(body.to_string())
    };
    let credentials =
        json!({ "email": "booking@syntetisk.example", "password": platform.credentials()["booking/password"] });
    let answer = post("/api/login", credentials).send().await.unwrap().text().await.unwrap();
    let token: Value = serde_json::from_str(&answer).unwrap();
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 3);
    let at = |minute| format!("{}T{hour:02}:{minute:02}:00Z", day.strftime("%Y-%m-%d"));
    let booking = json!({
        "teacher_id": 310, "student_ids": [350], "starts_at": at(0), "ends_at": at(45), "type": "lesson", "notes": notes,
    });
    let made =
        post("/api/schools/3/bookings", booking).bearer_auth(token["token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_listed_then_removed_and_nothing_else() {
    // The test logs in seven times in a row.
    let login_throttle = Throttle { attempts: 20, ..Throttle::default() };
    let platform = DemoPlatform::start(Options { login_throttle, ..Options::default() }).await.unwrap();
    let file = settings("cleanup.toml", &platform);
    let nothing = cleanup(&platform, &file, &[]);
    assert_eq!(nothing.status.code(), Some(0), "{nothing:?}");
    assert_eq!(text(&nothing.stdout), "booking: no leftovers\n");

    book(&platform, &format!("synthetic:{RUN}"), 8).await;
    book(&platform, "a real lesson", 9).await;
    book(&platform, "synthetic:not-of-a-run", 10).await;
    let listed = cleanup(&platform, &file, &[]);
    assert_eq!(listed.status.code(), Some(1), "{listed:?}");
    let table = text(&listed.stdout);
    assert!(table.contains(RUN) && table.contains("2024-07-") && table.contains("add --yes to remove"), "{table}");
    assert_eq!(table.matches("  left\n").count(), 1, "{table}");

    let removed = cleanup(&platform, &file, &["--yes", "--json"]);
    assert_eq!(removed.status.code(), Some(0), "{removed:?}");
    let cleaned: Value = serde_json::from_slice(&removed.stdout).unwrap();
    assert_eq!(cleaned[0]["check"], "booking");
    assert_eq!(cleaned[0]["leftovers"][0]["run_id"], RUN);
    assert_eq!(cleaned[0]["leftovers"][0]["removed"], true);
    // The platform's own view, from its admin endpoint.
    let admin = reqwest::get(format!("{}/leftovers", platform.admin_url())).await.unwrap().text().await.unwrap();
    let admin: Value = serde_json::from_str(&admin).unwrap();
    let left = platform.leftovers();
    assert_eq!(admin["leftovers"], json!(left));
    assert!(left.len() == 1 && left[0].contains("not-of-a-run"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_search_is_reported() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = settings("cleanup-incomplete.toml", &platform);
    platform.faults().activate(demo_platform::Fault::Calendar500);
    let inconclusive = cleanup(&platform, &file, &[]);
    assert_eq!(inconclusive.status.code(), Some(3), "{inconclusive:?}");
    assert!(
        text(&inconclusive.stdout).contains("search incomplete: calendar: expected status 200"),
        "{inconclusive:?}"
    );
}
