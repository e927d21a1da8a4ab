//! `synthetics cost`: shows the estimated monthly bill, and compares it with `--max`.

mod show;

use operations::cost::{CostInput, CostReport, report};
use operations::shipped_files::Files;

use crate::arguments::CostOptions;
use crate::exit::Exit;

/// Estimates the monthly bill, prints it, and compares it with `--max`.
pub(crate) fn cost(options: &CostOptions) -> anyhow::Result<Exit> {
    let report = report(&CostInput {
        templates: Files::templates(options.templates.as_deref()),
        settings: options.settings.as_deref(),
        environment: options.environment.as_deref(),
        checks: &options.checks,
        what_if: &options.what_if,
        max: options.max,
    })?;
    if options.json {
        crate::terminal::json(&show::json(&report))?;
    } else {
        crate::terminal::print(&show::text(&report));
    }
    Ok(exit(&report))
}

/// Prints the comparison with `--max` to standard error, so that standard output stays machine-readable.
fn exit(report: &CostReport) -> Exit {
    let Some(max) = &report.max else { return Exit::Passed };
    let bill = &report.effective().bill;
    let total = bill.total.list;
    let excluded = bill.excluded(show::amount);
    let Some(over_by) = max.over_by else {
        eprintln!("{total:.2} USD a month at list price, within --max {:.2} USD{excluded}", max.usd);
        return Exit::Passed;
    };
    let largest = bill.largest().map(|line| format!("; largest item: {}, {:.2} USD", line.kind.title(), line.sum.list));
    eprintln!(
        "{total:.2} USD a month at list price, {over_by:.2} USD over --max {:.2} USD{excluded}{}",
        max.usd,
        largest.unwrap_or_default()
    );
    Exit::Failed
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use local::Memory;
    use operations::cost::assumed::TYPICAL_RUNS;
    use runtime::{CancellationToken, Clock, Invocation};
    use serde_json::json;

    use crate::{demo, ports};

    /// Log lines of real runs against the demo platform must be at most as long as assumed, and at least a quarter of that.
    /// The length of `reconciliation` depends on the number of payments at the time of day. State items must be at most as
    /// large as assumed.
    #[tokio::test(flavor = "multi_thread")]
    async fn log_lines_and_state_items_match_the_assumptions() {
        let (platform, clock) = demo::without_waits(std::time::Duration::ZERO).await.unwrap();
        let memory = Arc::new(Memory::default());
        let ports =
            ports::ports(&memory, clock.clone(), CancellationToken::new(), ports::demo_parameters(&platform)).unwrap();
        for check in demo::checks_for(&platform, &[]).unwrap() {
            let mut line = 0;
            for _ in 0..10 {
                let event = json!({ "scheduled_time": clock.now().to_string() });
                let run = Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None };
                let report = check.run(&ports, &run).await.unwrap();
                line = line.max(lambda::run_line(&report).len());
                clock.skip(std::time::Duration::from_secs(60));
            }
            let typical = TYPICAL_RUNS.iter().find(|typical| typical.check == check.id()).unwrap();
            let line_kb = line as f64 / 1_000.0;
            assert!(
                line_kb <= typical.line_kb && line_kb >= typical.line_kb / 4.0,
                "{}: a line of {line_kb} KB",
                typical.check
            );
            // 600 bytes for the rest of the item: keys, versions, the last run, the state of healthy subjects.
            let item_kb = (memory.memory_of(check.id()).unwrap_or_default().len() + 600) as f64 / 1_024.0;
            assert!(item_kb <= typical.item_kb, "{}: an item of {item_kb} KB", typical.check);
        }
        platform.stop().await;
    }
}
