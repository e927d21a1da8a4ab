//! Sets `SYNTHETICS_BUILD`, the commit and its date, for `synthetics --version`.
//!
//! A release sets `SYNTHETICS_COMMIT`. Otherwise git names the commit of this repository, and a source archive has neither.
//! The date is `SOURCE_DATE_EPOCH`, or that of git's commit; the time of the build is not used, so equal sources give equal
//! programs.

use std::path::{Path, PathBuf};
use std::process::Command;

const SECONDS_PER_DAY: i64 = 86_400;

fn main() {
    for variable in ["SYNTHETICS_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let given = std::env::var("SYNTHETICS_COMMIT").ok().filter(|commit| !commit.is_empty());
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.trim().parse().ok());
    let (commit, date) = match given {
        Some(commit) => (Some(commit), None),
        None => from_git().unzip(),
    };
    let parts: Vec<String> = [commit, epoch.map(date_from_epoch).or(date)].into_iter().flatten().collect();
    let build = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(" ")) };
    println!("cargo::rustc-env=SYNTHETICS_BUILD={build}");
}

/// Commit and date, if the workspace is the root of a git work tree. Each new commit reruns this script.
fn from_git() -> Option<(String, String)> {
    // Cargo may run a script that it has built in another clone with the same target folder.
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    let workspace = folder.ancestors().nth(2)?;
    let git = |arguments: &[&str]| git(&folder, arguments);
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != workspace.canonicalize().ok()? {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        // Of a missing file, cargo would rerun the script at every build.
        let path = git(&["rev-parse", "--path-format=absolute", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let shown = git(&["show", "--no-patch", "--format=%h %cs", "--abbrev=10", "HEAD"])?;
    let (commit, date) = shown.split_once(' ')?;
    Some((commit.to_owned(), date.to_owned()))
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// UTC date of seconds since 1970, in the proleptic Gregorian calendar.
fn date_from_epoch(seconds: i64) -> String {
    // Counts from 1 March of the year 0, so that a leap day ends its year.
    let days = seconds.div_euclid(SECONDS_PER_DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
