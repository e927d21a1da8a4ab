//! Output of the bill: text for people and JSON for programs.

use operations::cost::assumed::{
    ADDRESSES, ALARM_MESSAGES_PER_INCIDENT, ENDPOINT_KB, FAILED_INVOCATIONS, LAMBDA_LINES_KB, MESSAGES_PER_INCIDENT,
    MONTH_DAYS, TYPICAL_RUNS,
};
use operations::cost::bill::{Amount, Bill, Kind, Line};
use operations::cost::prices::Prices;
use operations::cost::running::Running;
use operations::cost::{CostReport, Estimate};
use serde_json::{Value, json};

use crate::styled::Styled;
use crate::tables::columns;

/// Formats the report for people, the tables as wide as the terminal.
pub(super) fn text(report: &CostReport) -> Styled {
    let estimate = report.effective();
    let mut parts = vec![head(report).into()];
    if let Some(changed) = &report.changed {
        parts.push(differences(&report.base.bill, &changed.bill));
    } else {
        parts.push(lines(&estimate.bill));
        parts.push(checks_table(&estimate.bill, &estimate.usage.running));
    }
    let notes = notes(estimate, &report.prices);
    parts.push(Styled::from_lines(notes.into_iter().map(|note| format!("- {note}").into())));
    Styled::from_lines(parts.into_iter().enumerate().flat_map(|(place, part)| {
        let gap = (place > 0).then(Styled::default);
        gap.into_iter().chain([part])
    }))
}

fn head(report: &CostReport) -> String {
    let (estimate, prices) = (report.effective(), &report.prices);
    let count = estimate.usage.running.len();
    let checks = match estimate.plan.checks.as_str() {
        "all" => format!("all {count} checks, deployed or not"),
        _ => estimate.usage.running.iter().map(|running| running.typical.check).collect::<Vec<_>>().join(", "),
    };
    let mut head = vec![
        format!("{}: {checks}", estimate.plan.environment),
        format!("One month of {MONTH_DAYS} days, {} runs", grouped(estimate.runs())),
        format!("Templates {}\nSettings: {}", report.templates, report.settings),
        format!("Prices in USD for {}, as of {}", prices.region, prices.as_of),
    ];
    if let Some(region) = report.region.as_ref().filter(|region| **region != prices.region) {
        head.push(format!("This environment is deployed in {region}, where some prices differ by a few percent."));
    }
    if !report.changes.is_empty() {
        head.push(format!("With these changes: {}", report.changes.join(", ")));
    }
    head.join("\n")
}

fn lines(bill: &Bill) -> Styled {
    let row = |line: &Line| {
        let cost = |usd: f64| if line.is_unknown() { right("unknown") } else { money(usd) };
        [line.kind.title().to_owned(), usage(line), cost(line.sum.list), cost(line.sum.net)]
    };
    let total = ["total".to_owned(), String::new(), money(bill.total.list), money(bill.total.net)];
    columns(["ITEM", "USAGE A MONTH", "LIST USD", &right("NET USD")], bill.lines.iter().map(row).chain([total]))
}

/// Lists the amounts of a line that cost at least half a cent or have no price, or else its first amount.
fn usage(line: &Line) -> String {
    let counts = |amount: &&Amount| amount.usd_each.is_none_or(|usd| usd * amount.quantity >= 0.005);
    let mut amounts: Vec<&Amount> = line.amounts.iter().filter(counts).collect();
    if amounts.is_empty() {
        amounts.extend(line.amounts.first());
    }
    amounts.into_iter().map(amount).collect::<Vec<_>>().join(", ")
}

/// Formats an amount: `65 metrics`, `1 key`.
pub(super) fn amount(amount: &Amount) -> String {
    let Amount { quantity, unit, .. } = amount;
    let (thing, rest) =
        unit.split_once(' ').map_or((unit.as_str(), String::new()), |(thing, rest)| (thing, format!(" {rest}")));
    let thing = if *quantity == 1.0 { thing.strip_suffix('s').unwrap_or(thing) } else { thing };
    format!("{} {thing}{rest}", grouped(*quantity))
}

fn checks_table(bill: &Bill, running: &[Running]) -> Styled {
    let share = |usd: f64| format!("{:>6}", format!("{:.0} %", usd / bill.total.list.max(f64::MIN_POSITIVE) * 100.0));
    let usd = |running: &Running| bill.by_check.get(running.typical.check).copied().unwrap_or_default();
    let row = |running: &Running| {
        let Running { typical, every_seconds, runs, metrics, alarms, .. } = running;
        [
            typical.check.to_owned(),
            format!("{:>6}", format!("{} min", every_seconds / 60)),
            format!("{:>8}", grouped(*runs)),
            format!("{:>8}", format!("{} s", typical.seconds)),
            format!("{metrics:>7}"),
            format!("{alarms:>6}"),
            money(usd(running)),
            share(usd(running)),
        ]
    };
    let sum_row = |title: &str, usd: f64| {
        let [a, b, c, d, e] = [const { String::new() }; 5];
        [title.to_owned(), a, b, c, d, e, money(usd), share(usd)]
    };
    let mut running: Vec<&Running> = running.iter().collect();
    running.sort_by(|one, other| usd(other).total_cmp(&usd(one)));
    let rows = running.into_iter().map(row);
    let rows = rows.chain([sum_row("shared", bill.shared), sum_row("total", bill.total.list)]);
    let runs = right("RUNS");
    columns(["CHECK", " EVERY", &runs, "RUN TIME", "METRICS", "ALARMS", "LIST USD", " SHARE"], rows)
}

/// Lists the lines whose cost differs between two bills, and the totals.
fn differences(base: &Bill, changed: &Bill) -> Styled {
    let mut kinds: Vec<Kind> = base.lines.iter().chain(&changed.lines).map(|line| line.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let cost = |bill: &Bill, kind: Kind| bill.line(kind).map_or(0.0, |line| line.sum.list);
    let row = |title: &str, base: f64, changed: f64| {
        [title.to_owned(), format!("{base:>11.2}"), format!("{changed:>11.2}"), format!("{:>+14.2}", changed - base)]
    };
    let differing = kinds.into_iter().filter(|kind| (cost(base, *kind) - cost(changed, *kind)).abs() >= 0.005);
    let rows = differing.map(|kind| row(kind.title(), cost(base, kind), cost(changed, kind)));
    let totals = [
        row("total at list price", base.total.list, changed.total.list),
        row("total, net", base.total.net, changed.total.net),
    ];
    columns(["ITEM", "CURRENT USD", "CHANGED USD", "DIFFERENCE USD"], rows.chain(totals))
}

fn notes(estimate: &Estimate, prices: &Prices) -> Vec<String> {
    let Estimate { plan, usage, bill } = estimate;
    let running = || usage.running.iter();
    let mut notes = vec![
        "LIST is the list price. NET subtracts the free monthly allowances of the AWS account, on the assumption that nothing else in the account uses them."
            .to_owned(),
        format!(
            "Assumptions: a run takes {} s and logs {} KB, plus {LAMBDA_LINES_KB} KB of Lambda's own log lines; \
             {} incidents a month, each with {MESSAGES_PER_INCIDENT} notifications from the function \
             and {ALARM_MESSAGES_PER_INCIDENT} messages from an alarm.",
            range(running().map(|running| running.typical.seconds)),
            range(running().map(|running| running.typical.line_kb)),
            plan.incidents,
        ),
    ];
    for unknown in &bill.unknown {
        let hint = price_hint(&unknown.unit);
        notes.push(format!("Not included (price unknown): {} a month. {hint}", amount(unknown)));
    }
    if !usage.without_settings.is_empty() {
        notes.push(format!(
            "Not included (no settings for these checks): secrets and canaries of {}.",
            usage.without_settings.join(", ")
        ));
    }
    for (kind, count) in &usage.unpriced {
        notes.push(format!("Not included (no price for this resource type): {count} × {kind}."));
    }
    if usage.has_rotating_key {
        notes.push(
            "KMS key rotation adds 1.00 USD a month after the first year, and 2.00 USD a month after the second."
                .to_owned(),
        );
    }
    notes.push(
        "Not included: alarms of infra/platform.yaml, and metrics of the CloudWatch agent on each server \
         (at the price of custom metrics); KMS requests of CloudWatch Logs; internet traffic, of which 100 GB a month are free; Logs Insights queries; taxes."
            .to_owned(),
    );
    if !bill.unverified.is_empty() {
        let goods: Vec<String> = bill.unverified.iter().map(|good| plain_text(&json!(good))).collect();
        notes.push(format!(
            "Prices not verified for {}, by their names in prices.toml: {}.",
            prices.region,
            goods.join(", ")
        ));
    }
    notes
}

/// Names the setting for the price of a unit, if there is one.
fn price_hint(unit: &str) -> &'static str {
    match unit {
        "e-mails" => "Set check.notifications.email.price_usd.",
        "SMS" => "Set check.notifications.sms.price_usd.",
        _ => "The price differs by country.",
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn range(numbers: impl Iterator<Item = f64> + Clone) -> String {
    let (least, most) = (numbers.clone().fold(f64::MAX, f64::min), numbers.fold(0.0, f64::max));
    if least < most { format!("{least} to {most}") } else { most.to_string() }
}

fn right(text: &str) -> String {
    format!("{text:>8}")
}

fn money(usd: f64) -> String {
    right(&format!("{usd:.2}"))
}

/// Formats a number with thousands separators, such as `253,440`; a fraction below 100 with two decimals.
fn grouped(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        return if number < 0.01 { "under 0.01".to_owned() } else { format!("{number:.2}") };
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats the report as JSON.
pub(super) fn json(report: &CostReport) -> Value {
    let prices = &report.prices;
    let estimate = |estimate: &Estimate| {
        let mut bill = json!(estimate.bill);
        for (place, line) in estimate.bill.lines.iter().enumerate() {
            // An unknown cost is null, not 0.
            if line.is_unknown() {
                bill["lines"][place]["list"] = Value::Null;
                bill["lines"][place]["net"] = Value::Null;
            }
        }
        json!({
            "bill": bill,
            "checks": estimate.usage.running,
            "incidents": estimate.plan.incidents,
            "has_rotating_key": estimate.usage.has_rotating_key,
            "not_reckoned": estimate.usage.unpriced,
            "without_settings": estimate.usage.without_settings,
        })
    };
    json!({
        "environment": report.base.plan.environment,
        "region": report.region,
        "templates": report.templates,
        "settings": report.settings,
        "month_days": MONTH_DAYS,
        "prices": { "region": prices.region, "as_of": prices.as_of, "currency": "USD", "allowances": prices.allowances },
        "assumed": {
            "usual": TYPICAL_RUNS,
            "lambda_lines_kb": LAMBDA_LINES_KB,
            "messages_per_incident": MESSAGES_PER_INCIDENT,
            "alarm_messages_per_incident": ALARM_MESSAGES_PER_INCIDENT,
            "addresses": ADDRESSES,
            "failed_invocations": FAILED_INVOCATIONS,
            "endpoint_kb_per_run": ENDPOINT_KB,
        },
        "as_is": estimate(&report.base),
        "what_if": report
            .changed
            .as_ref()
            .map(|changed| json!({ "changes": report.changes, "then": estimate(changed) })),
        "max": report.max.as_ref().map(|max| {
            json!({ "usd": max.usd, "over_by_usd": max.over_by, "unknown": report.effective().bill.unknown })
        }),
    })
}
