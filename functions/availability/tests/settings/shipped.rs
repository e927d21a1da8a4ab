use std::time::Duration;

use runtime::Check;
use settings::SecretRef;

use crate::{here, names, read};

#[test]
fn all_shipped_settings_files_are_valid() {
    let folder = here("../../infra/layer/settings");
    let files = names(&folder, "toml");
    for name in ["demo", "production.example"] {
        assert!(files.iter().any(|file| file == name), "{name}.toml is missing in {files:?}");
    }
    for name in files {
        let file = format!("{name}.toml");
        let text = std::fs::read_to_string(folder.join(&file)).unwrap();
        let problems = read(&file, &text).err().unwrap_or_default();
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn production_example_is_read_as_written() {
    let text = std::fs::read_to_string(here("../../infra/layer/settings/production.example.toml")).unwrap();
    let read = read("production.example.toml", &text).ok().unwrap();
    assert_eq!(read.common.environment, "production");
    assert_eq!(read.common.policy.remind_every, Duration::from_secs(4 * 3600));
    let heartbeat = SecretRef::Parameter("/just-driving/production/availability/heartbeat-url".to_owned());
    assert_eq!(read.run.heartbeat_url, Some(heartbeat));
    assert_eq!((read.run.deadline, read.run.confirm_after), (Duration::from_secs(45), Duration::from_secs(20)));
    assert_eq!(read.check.max_attempt_duration(), Duration::from_secs(10));
    let urls: Vec<_> = read.check.targets.iter().map(|target| target.request.url.as_str()).collect();
    let expected = [
        "https://www.justdriving.example/",
        "https://app.justdriving.example/login",
        "https://app.justdriving.example/health",
        "https://app.justdriving.example/api/schools",
    ];
    assert_eq!(urls, expected);
    let health = &read.check.targets[2];
    assert_eq!(health.request.secret_headers[0].0, "oh-dear-health-check-secret");
    assert_eq!((health.expect.json[0].pointer.as_str(), &health.expect.json[0].equals), ("/checkResults", &None));
    assert!(read.check.targets[3].expect.statuses.contains(401));
}
