//! Section *Flows* of `docs/hostile-endpoints.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::behavior::Behavior;
use crate::leak_search::ENCODINGS;
use crate::run::{FLOWS, Flow};
use crate::verdict::{GRACE, LOG_IN, MAX_TEXT, MAY_PASS, MEMORY_BOUND};
use crate::{Healthy, Worst};

/// Heading of the section, the last of the page.
const HEADING: &str = "\n## Flows\n";

/// Text between the two tables.
const STORES: &str = "\nDatabases and caches are real servers, MariaDB and Redis, behind a proxy that turns hostile at one message of\n\
    the server: a packet, a reply, or a record of the TLS handshake. A *cut* message ends in the middle. An *endless* one\n\
    declares gigabytes and sends them; a *huge* length or count is declared, and nothing or small values follow. An error\n\
    quotes the password. The same bounds hold, and the password is in no output.\n\n";

/// The part of the section that is equal on every machine.
fn stable(healthy: &[Healthy]) -> String {
    let mut text = format!(
        "{HEADING}\n\
         Each flow runs against the demo platform, which turns hostile at one request: once, or from then on for that\n\
         method and path. A cell counts the methods and paths at whose requests the behavior was tried, both ways; a dash\n\
         means that no answer of the flow has such a part. Every run held all bounds:\n\n\
         - **Time**: it ends at most {grace} s after its deadline, of {deadline} s for most flows.\n\
         - **Memory**: at most {MEMORY_BOUND} MB more than a run against the healthy platform.\n\
         - **Result**: no panic, and never healthy without an answer; a check that only reads may confirm that it got one\n\
         \x20 on the second attempt.\n\
         - **Texts**: at most {MAX_TEXT} characters in a text of the report, and no control or format characters.\n\
         - **Leftovers**: whatever the run created on the platform is removed or reported, and its sessions are ended or\n\
         \x20 reported.\n\
         - **Afterwards**: when the platform was hostile once, the next run passes, or the second if the next one reports\n\
         \x20 what it remembers; and later runs remove all leftovers.\n\n\
         Runs without deadlines and limits do not hold these bounds: a control exceeds the time with *hang*, and the memory\n\
         with endless headers and bodies, a bomb and a form token of 16 MB.\n\n\
         *Drip* sends a byte every 100 ms. The bomb decompresses to zeros without end, the token has 1.9 MB, the 80 cookies\n\
         4,000 letters each, a long id 9,000. Forged ids contain `..\\..\\`, quotes and control characters; forged texts\n\
         contain escapes of terminals, newlines and direction marks.\n\n",
        grace = GRACE.as_secs(),
        deadline = FLOWS[0].deadline.as_secs(),
    );
    table(&mut text, healthy, &Behavior::PLATFORM, |flow| flow.store.is_none());
    text.push_str(STORES);
    table(&mut text, healthy, &Behavior::STORE, |flow| flow.store.is_some());
    let _ = write!(
        text,
        "\nFurther runs echo every secret that a check knows, at each request and in {} encodings: in pages, JSON, headers,\n\
         reasons, redirects and names of cookies, and in errors of stores. No output held one;\n\
         [SECURITY.md](../SECURITY.md#what-masking-finds-and-what-it-cannot) lists the encodings.\n",
        ENCODINGS.len()
    );
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

/// Table of flows and behaviors.
fn table(text: &mut String, healthy: &[Healthy], behaviors: &[Behavior], is_row: impl Fn(&Flow) -> bool) {
    text.push_str("| flow |");
    for behavior in behaviors {
        let _ = write!(text, " {} |", behavior.name());
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(behaviors.len()));
    for healthy in healthy.iter().filter(|healthy| is_row(healthy.flow)) {
        let _ = write!(text, "| {} |", healthy.flow.name);
        for behavior in behaviors {
            // Some flows repeat requests more often late in the day.
            let count = healthy.places(*behavior).iter().filter(|place| place.number == 0).count();
            let cell = if count == 0 { "–".to_owned() } else { count.to_string() };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
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
