//! Section *Flows* of `docs/hostile-endpoints.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::behavior::Behavior;
use crate::run::FLOWS;
use crate::verdict::{GRACE, LOG_IN, MAX_TEXT, MAY_PASS, MEMORY_BOUND};
use crate::{Healthy, Worst};

/// Heading of the section, the last of the page.
const HEADING: &str = "\n## Flows\n";

/// The part of the section that is equal on every machine.
fn stable(healthy: &[Healthy]) -> String {
    let mut text = format!(
        "{HEADING}\n\
         Each flow runs against the demo platform, which turns hostile at one request and stays so for that method and\n\
         path. A cell counts the requests of a flow at which the behavior was tried; a dash means that no answer of the\n\
         flow has such a part. Every run held all bounds:\n\n\
         - **Time**: it ends at most {grace} s after its deadline, of {deadline} s for most flows.\n\
         - **Memory**: at most {MEMORY_BOUND} MB more than a run against the healthy platform.\n\
         - **Result**: no panic, and never healthy without an answer.\n\
         - **Texts**: at most {MAX_TEXT} characters in a text of the report, and no control or format characters.\n\
         - **Leftovers**: whatever the run created on the platform is removed or reported, and its sessions are ended or\n\
         \x20 reported.\n\n\
         *Drip* sends a byte every 100 ms. The bomb is 16 MB of zeros, the token has 1.9 MB, the 80 cookies 4,000 letters\n\
         each, a long id 9,000. Forged ids contain `..\\..\\`, quotes and control characters; forged texts contain escapes of\n\
         terminals, newlines and direction marks.\n\n",
        grace = GRACE.as_secs(),
        deadline = FLOWS[0].deadline.as_secs(),
    );
    text.push_str("| flow |");
    for behavior in Behavior::ALL {
        let _ = write!(text, " {} |", behavior.name());
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(Behavior::ALL.len()));
    for healthy in healthy {
        let _ = write!(text, "| {} |", healthy.flow.check);
        for behavior in Behavior::ALL {
            let count = healthy.places(behavior).len();
            let cell = if count == 0 { "–".to_owned() } else { count.to_string() };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text.push_str("\nExceptions:\n\n");
    for (request, but, reason) in MAY_PASS {
        let _ = writeln!(
            text,
            "- Without an answer to `{request}`, a run may pass, except one of {}:\n  {reason}.",
            but.join(" and ")
        );
    }
    let _ = writeln!(
        text,
        "- Without an answer to `{LOG_IN}`, a session may stay on the platform: the run does not know it. It expires by\n\
         \x20 itself."
    );
    text
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hostile-endpoints.md"))
}

fn read() -> Result<String> {
    std::fs::read_to_string(path()).context("failed to read docs/hostile-endpoints.md")
}

/// Compares the section with the flows.
pub fn compare(healthy: &[Healthy]) -> Result<()> {
    let expected = stable(healthy);
    ensure!(
        read()?.contains(&expected),
        "the section Flows of docs/hostile-endpoints.md is outdated; run cargo xtask hostile --all\n{expected}"
    );
    Ok(())
}

/// Replaces the section.
pub fn write(healthy: &[Healthy], worst: &Worst) -> Result<()> {
    let page = read()?;
    let before = page.split(HEADING).next().unwrap_or_default();
    let measured = format!(
        "\nMeasured: at most {:.1} s after a deadline, and {} MB more.\n",
        worst.after_deadline.as_secs_f64(),
        worst.memory
    );
    std::fs::write(path(), format!("{before}{}{measured}", stable(healthy)))
        .context("failed to write docs/hostile-endpoints.md")?;
    println!("wrote docs/hostile-endpoints.md");
    Ok(())
}
