//! `synthetics settings`.

use std::path::{Path, PathBuf};

use ::settings::Window;
use check::{Phrase, ours, phrase};
use jiff::Timestamp;
use operations::checks;
use probe::{Redactor, Tls};
use runtime::AnyCheck;
use toml::{Table, Value};

use crate::arguments::SettingsFormat;
use crate::exit::Exit;
use crate::terminal;

/// Maximum length of a note, in characters.
const MAX_NOTE: usize = 300;

/// Checks settings files, and prints the problems of each.
pub(crate) fn check(files: &[PathBuf]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Passed;
    for file in files {
        if let Err(error) = check_one(file) {
            eprintln!("error: {error:#}");
            exit = Exit::NothingRun;
        }
    }
    Ok(exit)
}

/// Reads a settings file as the functions do and reports every problem in it.
fn check_one(file: &Path) -> anyhow::Result<()> {
    let read = checks::from_file(file, &[])?;
    let ids: Vec<&str> = read.iter().map(|check| check.id()).collect();
    println!("{}: no problems; settings of {}", file.display(), ids.join(", "));
    for note in checks::not_deployed(&ids) {
        println!("{}: note: {note}", file.display());
    }
    let common = read.first().map(|check| check.common());
    for note in common.map(|common| expired_authorities(&common.network.tls, Timestamp::now())).unwrap_or_default() {
        println!("{}: note: {note}", file.display());
    }
    let windows = read.first().map(|check| &check.common().windows[..]).unwrap_or_default();
    for note in skipped_starts(windows, Timestamp::now()) {
        println!("{}: note: {note}", file.display());
    }
    Ok(())
}

/// Sentences about the trusted authorities whose certificates have expired.
fn expired_authorities(tls: &Tls, now: Timestamp) -> Vec<String> {
    let sentence = |(name, expires): (Phrase, Timestamp)| {
        let day = ours(expires.strftime("%Y-%m-%d"));
        let text = phrase!(
            "the certificate {} in network.ca_certificates expired on {}: the checks trust it, and other clients do not; replace it",
            name,
            day
        );
        text.admit(&Redactor::default(), MAX_NOTE).to_string()
    };
    tls.expired(now).into_iter().map(sentence).collect()
}

/// Sentences about the weekly windows whose start the clock skips within a year.
pub(crate) fn skipped_starts(windows: &[Window], now: Timestamp) -> Vec<String> {
    let sentence = |window: &Window| {
        let (start, begins) = window.skipped_start(now)?;
        Some(format!(
            "the clock of {} skips {}, so the maintenance window {:?} begins at {} that day",
            window.zone(),
            start.strftime("%Y-%m-%d %H:%M"),
            window.name(),
            begins.strftime("%H:%M")
        ))
    };
    windows.iter().filter_map(sentence).collect()
}

/// Prints the effective settings: a settings file with every default in its place. Secrets are references; a value that looks
/// like a secret is masked.
pub(crate) fn show(file: &Path, format: SettingsFormat) -> anyhow::Result<Exit> {
    let (whole, masked) = effective(&checks::from_file(file, &[])?);
    match format {
        SettingsFormat::Toml => terminal::document(toml::to_string_pretty(&whole)?.trim_end()),
        SettingsFormat::Json => terminal::json(&whole)?,
    }
    if masked > 0 {
        let values = if masked == 1 { "value that looks like a secret" } else { "values that look like secrets" };
        eprintln!("masked {masked} {values}; write secrets as references, such as \"env:NAME\" or \"ssm:/path\"");
    }
    Ok(Exit::Passed)
}

/// The effective settings of checks, and the number of values that are masked in them.
pub(crate) fn effective(checks: &[Box<dyn AnyCheck>]) -> (Table, u32) {
    let mut whole = Table::new();
    for check in checks {
        merge(&mut whole, check.written().clone());
    }
    let mut masked = 0;
    mask(&Redactor::default(), &mut whole, &mut masked);
    (whole, masked)
}

/// Prints the JSON Schema of a settings file, for editors.
pub(crate) fn schema() -> anyhow::Result<Exit> {
    terminal::json(&checks::schema())?;
    Ok(Exit::Passed)
}

/// Merges tables. The settings that all checks share are the same in each.
fn merge(whole: &mut Table, more: Table) {
    for (key, value) in more {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(own)), Value::Table(value)) => merge(own, value),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

fn mask(redactor: &Redactor, table: &mut Table, masked: &mut u32) {
    table.iter_mut().for_each(|(_, value)| mask_value(redactor, value, masked));
}

fn mask_value(redactor: &Redactor, value: &mut Value, masked: &mut u32) {
    match value {
        Value::String(text) => {
            let shown = redactor.redact(text);
            if shown != *text {
                *text = shown;
                *masked += 1;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(redactor, item, masked)),
        Value::Table(table) => mask(redactor, table, masked),
        _ => {}
    }
}
