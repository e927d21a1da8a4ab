//! `synthetics sweep`.

use std::sync::Arc;

use anyhow::bail;
use check::Outcome;
use check::text::utc;
use local::Memory;
use runtime::{Leftover, Swept, SystemClock};

use crate::arguments::SweepOptions;
use crate::exit::Exit;
use crate::{checks, ports, tables};

/// Looks at the platform for what runs that are over left there, and removes it with `--yes`.
pub(crate) async fn sweep(options: &SweepOptions) -> anyhow::Result<Exit> {
    let ports = ports::ports(&Arc::new(Memory::default()), Arc::new(SystemClock), [])?;
    let mut swept = Vec::new();
    for check in checks::of_file(&options.settings, &options.checks)? {
        eprintln!("looking for what {} left behind …", check.id());
        swept.extend(check.sweep(&ports, options.yes).await);
    }
    if swept.is_empty() {
        bail!("nothing to look for: none of these checks creates anything that it could leave behind");
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&swept)?);
    } else {
        println!("{}", table(&swept));
    }
    let is_left = swept.iter().flat_map(|swept| &swept.leftovers).any(|leftover| !leftover.removed);
    Ok(if is_left {
        Exit::Failed
    } else if swept.iter().any(|swept| swept.outcome != Outcome::Passed) {
        Exit::CouldNotJudge
    } else {
        Exit::Passed
    })
}

fn table(swept: &[Swept]) -> String {
    let row = |check: &str, leftover: &Leftover| {
        [
            check.to_owned(),
            leftover.what.clone(),
            leftover.id.clone(),
            utc(leftover.began),
            leftover.run_id.clone(),
            if leftover.removed { "removed" } else { "left" }.to_owned(),
        ]
    };
    let rows: Vec<_> =
        swept.iter().flat_map(|swept| swept.leftovers.iter().map(|left| row(&swept.check, left))).collect();
    let mut text = Vec::new();
    if !rows.is_empty() {
        text.push(tables::columns(["CHECK", "WHAT", "ID", "OF THE RUN AT", "RUN", ""], rows));
    }
    for Swept { check, leftovers, outcome } in swept {
        match outcome {
            Outcome::Passed if leftovers.is_empty() => text.push(format!("{check}: nothing is left behind")),
            Outcome::Passed if leftovers.iter().any(|leftover| !leftover.removed) => {
                text.push(format!("{check}: --yes removes what is left"));
            }
            Outcome::Passed => {}
            Outcome::Failed { failures } => {
                for failure in failures {
                    let (step, seen) = (&failure.step, &failure.seen);
                    text.push(format!(
                        "{check}: could not look everywhere: {step}: expected {}, saw {seen}",
                        failure.expected
                    ));
                }
            }
            Outcome::Errored { blindness } => text.push(format!("{check}: could not look: {}", blindness.detail)),
            Outcome::Maintenance { detail } => text.push(format!("{check}: could not look: {detail}")),
            Outcome::Refused { .. } => {}
        }
    }
    text.join("\n")
}
