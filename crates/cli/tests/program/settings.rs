//! `settings show` and `settings schema`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{settings_file, synthetics, text};

const SCHEMA: &str = "infra/layer/settings/settings.schema.json";
const REFERENCE: &str = "docs/settings.md";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn names(folder: &str, extension: &str) -> Vec<String> {
    let files = repository().join(folder).read_dir().unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn show(file: &str) -> String {
    let output = synthetics(&["settings", "show", file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text(&output.stdout)
}

#[test]
fn shown_settings_are_a_settings_file() {
    let folder = "infra/layer/settings";
    let mut files: Vec<String> = names(folder, "toml").iter().map(|name| format!("{folder}/{name}.toml")).collect();
    files.push("functions/login/tests/flow/renamed.toml".to_owned());
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let shown = show(repository().join(&file).to_str().unwrap());
        let again = settings_file("shown.toml", &shown);
        assert_eq!(show(&again), shown, "{file}");
        // Defaults stand in their place.
        for default in ["open_after = 2", "csrf_header", "confirm_after", "[platform.counters]"] {
            assert!(shown.contains(default), "{file}: {default} is missing in\n{shown}");
        }
        let json = synthetics(&["settings", "show", &again, "--format", "json"]);
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json, serde_json::to_value(shown.parse::<toml::Table>().unwrap()).unwrap(), "{file}");
    }
}

#[test]
fn window_that_the_clock_moves_is_noted() {
    let shipped = fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap();
    let window = |at: &str| {
        format!(
            "{shipped}\n[[maintenance.windows]]\nname = \"night\"\ndays = [\"sun\"]\nat = \"{at}\"\nduration = \"1h\"\ntime_zone = \"europe/copenhagen\"\n"
        )
    };
    let checked = |name: &str, at: &str| synthetics(&["settings", "check", &settings_file(name, &window(at))]);
    let output = checked("window-in-the-gap.toml", "02:30");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("note: the clock of Europe/Copenhagen skips 20"), "{shown}");
    assert!(shown.contains(" 02:30, so the maintenance window \"night\" begins at 03:30 that day"), "{shown}");
    assert!(!text(&checked("window-after-the-gap.toml", "03:30").stdout).contains("note"));
}

/// A certificate of an authority, valid until 3 February 2021.
const OLD_AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBMTCB2KADAgECAgEHMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDU9sZCBBdXRo\n\
b3JpdHkwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMjAzMDAwMDAwWjAYMRYwFAYDVQQD\n\
DA1PbGQgQXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPhpBZhko\n\
s4vbRsFL2CpTvEFVpWNjwXNNQl+BQkYjOqsERmUCEqU55+mDPHIlHMljwpBQRmMU\n\
mGVeGH5Vq1ol66MTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF\n\
AiEArNksduBXp5yj8uSjmYuEFa7Mct+SZ8muhvhtoWjYbzkCIAHHzZAp2iyQe9DJ\n\
AeC9KTS3ZNtV7O9ryX9g8B43Wy2B\n\
-----END CERTIFICATE-----
";

#[test]
fn expired_authority_is_noted() {
    let shipped = fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap();
    let trusting =
        shipped.replacen("[network]\n", &format!("[network]\nca_certificates = [\"\"\"\n{OLD_AUTHORITY}\"\"\"]\n"), 1);
    assert_ne!(trusting, shipped);
    let output = synthetics(&["settings", "check", &settings_file("old-authority.toml", &trusting)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    let note = "note: the certificate Old Authority in network.ca_certificates expired on 2021-02-03";
    assert!(shown.contains(note), "{shown}");
}

#[test]
fn secret_lookalikes_are_masked() {
    let shipped = fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap();
    let target = "\n[[check.availability.targets]]\nid = \"feed\"\nurl = \"https://feed.example/?code=hunter2-hunter2\"\ndeadline = \"5s\"\n";
    let file = settings_file("with-a-secret.toml", &format!("{shipped}{target}"));
    let output = synthetics(&["settings", "show", &file]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("code=[redacted]") && !shown.contains("hunter2"), "{shown}");
    assert!(text(&output.stderr).starts_with("masked 1 value that looks like a secret"), "{output:?}");
}

#[test]
fn invalid_file_is_reported_instead_of_shown() {
    let file = settings_file("wrong.toml", "environment = \"demo\"\n\n[check.login]\nown_school = 1.5\n");
    let output = synthetics(&["settings", "show", &file]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr);
    assert!(said.contains("check.login.own_school: expected an id, a text or a whole number, found 1.5"), "{said}");
    assert!(said.contains("check.login.account.email"), "{said}");
}

/// With `UPDATE_SCHEMA` set, the file is written anew, to be read in the diff.
#[test]
fn schema_file_matches_the_program() {
    let output = synthetics(&["settings", "schema"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let file = repository().join(SCHEMA);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&file, &output.stdout).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text(&output.stdout),
        "{SCHEMA} is not what `synthetics settings schema` prints; UPDATE_SCHEMA=1 writes it"
    );
}

/// With `UPDATE_SCHEMA` set, the tables are rewritten, to be read in the diff.
#[test]
fn reference_lists_the_keys_of_the_schema() {
    let file = repository().join(REFERENCE);
    let kept = fs::read_to_string(&file).unwrap();
    let filled = operations::settings_reference::with_tables(&kept).unwrap();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&file, &filled).unwrap();
        return;
    }
    assert!(
        kept == filled,
        "{REFERENCE} does not list the keys as the settings define them; UPDATE_SCHEMA=1 writes it"
    );
}

/// A TOML file as a validator sees it.
fn as_json(file: &Path) -> Option<Value> {
    let table: toml::Table = fs::read_to_string(file).unwrap().parse().ok()?;
    serde_json::to_value(table).ok()
}

#[test]
fn schema_accepts_every_shipped_file() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(repository().join(SCHEMA)).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for name in names("infra/layer/settings", "toml") {
        let path = format!("infra/layer/settings/{name}.toml");
        let text = fs::read_to_string(repository().join(&path)).unwrap();
        assert!(text.starts_with("#:schema ./settings.schema.json\n"), "{path} does not name its schema to editors");
        let value = as_json(&repository().join(&path)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

/// Invalid files that the schema cannot reject: rules across keys, and rules beyond a type.
#[test]
fn schema_rejects_invalid_files() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(repository().join(SCHEMA)).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = "functions/availability/tests/settings/wrong";
    let taken: Vec<String> = names(folder, "toml")
        .into_iter()
        .filter(|name| {
            let value = as_json(&repository().join(folder).join(format!("{name}.toml")));
            value.is_some_and(|value| validator.is_valid(&value))
        })
        .collect();
    assert_eq!(taken, BEYOND_THE_SCHEMA);
}

const BEYOND_THE_SCHEMA: [&str; 40] = [
    "attempts-do-not-fit",
    "bad-durations",
    "bad-headers",
    "bad-ids",
    "bad-links",
    "bad-maintenance-windows",
    "bad-network",
    "bad-path",
    "bad-pointer",
    "bad-url",
    "base-url-with-a-path",
    "blank-maintenance-marker",
    "blank-texts",
    "control-characters",
    "credential-in-a-plain-header",
    "cut-certificates",
    "deadline-beyond-the-function",
    "destinations-twice",
    "duplicate-ids",
    "followed-redirect-as-status",
    "head-with-a-body",
    "headers-of-the-client",
    "literal-for-a-reference",
    "literal-in-a-table-of-its-own",
    "literal-on-a-line-with-others",
    "low-objective",
    "neither-path-nor-url",
    "no-targets",
    "out-of-range",
    "path-and-url",
    "paths-that-urls-change",
    "private-address",
    "references-outside-the-path",
    "section-missing",
    "status-page-twice",
    "times-that-the-clock-skips",
    "unresolvable-hosts",
    "unresolvable-targets",
    "url-with-a-password",
    "wrong-environment",
];
