//! The bill in a terminal, and for programs.

use serde_json::{Value, json};

use super::Answer;
use super::assumed::{
    ADDRESSES, ALARM_MESSAGES, ENDPOINT_KB, FAILED_INVOCATIONS, LAMBDA_LINES_KB, MESSAGES, MONTH_DAYS, USUAL,
};
use super::bill::{Amount, Bill, Kind, Line};
use super::prices::Prices;
use super::running::{Plan, Running};
use super::usage::Usage;
use crate::tables::columns;

/// One plan, counted.
pub(super) struct Counted {
    pub(super) plan: Plan,
    pub(super) usage: Usage,
    pub(super) bill: Bill,
}

impl Counted {
    fn runs(&self) -> f64 {
        self.usage.running.iter().map(|running| running.runs).sum()
    }
}

/// For people.
pub(super) fn text(answer: &Answer, prices: &Prices) -> String {
    let counted = answer.last();
    let mut parts = vec![head(answer, prices)];
    if let Some(then) = &answer.then {
        parts.push(differences(&answer.base.bill, &then.bill));
    } else {
        parts.push(lines(&counted.bill));
        parts.push(checks_table(&counted.bill, &counted.usage.running));
    }
    parts.push(notes(counted, prices).join("\n"));
    parts.join("\n\n")
}

fn head(answer: &Answer, prices: &Prices) -> String {
    let counted = answer.last();
    let count = counted.usage.running.len();
    let which = match counted.plan.checks.as_str() {
        "all" => format!("all {count} checks, whether they are deployed or not"),
        _ => counted.usage.running.iter().map(|running| running.usual.check).collect::<Vec<_>>().join(", "),
    };
    let deployed = answer.region.as_ref().filter(|region| **region != prices.region);
    let deployed = deployed.map(|region| format!("; it is deployed to {region}, where some differ by some percent"));
    let what_if =
        if answer.changes.is_empty() { String::new() } else { format!("\nWhat if {}", answer.changes.join(", ")) };
    format!(
        "{}: {which}\nA month of {MONTH_DAYS} days, {} runs; settings of {}\nPrices of {}, {}, in USD{}{what_if}",
        counted.plan.environment,
        grouped(counted.runs()),
        answer.settings,
        prices.region,
        prices.as_of,
        deployed.unwrap_or_default(),
    )
}

fn lines(bill: &Bill) -> String {
    let row = |line: &Line| {
        let shown = |usd: f64| if line.is_unknown() { right("unknown") } else { money(usd) };
        [line.kind.title().to_owned(), how_much(line), shown(line.sum.list), shown(line.sum.net)]
    };
    let total = ["total".to_owned(), String::new(), money(bill.total.list), money(bill.total.net)];
    columns(["WHAT", "HOW MUCH", &right("LIST"), &right("NET")], bill.lines.iter().map(row).chain([total]))
}

/// What it is mainly: what costs nothing to speak of is left out where something else costs.
fn how_much(line: &Line) -> String {
    let counts = |amount: &&Amount| amount.usd_each.is_none_or(|usd| usd * amount.quantity >= 0.005);
    let mut amounts: Vec<&Amount> = line.amounts.iter().filter(counts).collect();
    if amounts.is_empty() {
        amounts.extend(line.amounts.first());
    }
    amounts.into_iter().map(amount).collect::<Vec<_>>().join(", ")
}

/// `65 metrics`, `1 key`.
pub(super) fn amount(amount: &Amount) -> String {
    let Amount { quantity, unit, .. } = amount;
    let (thing, rest) =
        unit.split_once(' ').map_or((unit.as_str(), String::new()), |(thing, rest)| (thing, format!(" {rest}")));
    let thing = if *quantity == 1.0 { thing.strip_suffix('s').unwrap_or(thing) } else { thing };
    format!("{} {thing}{rest}", grouped(*quantity))
}

fn checks_table(bill: &Bill, running: &[Running]) -> String {
    let share = |usd: f64| format!("{:>6}", format!("{:.0} %", usd / bill.total.list.max(f64::MIN_POSITIVE) * 100.0));
    let row = |running: &Running| {
        let Running { usual, every_seconds, runs, metrics, alarms, .. } = running;
        let usd = bill.of_checks.get(usual.check).copied().unwrap_or_default();
        [
            usual.check.to_owned(),
            format!("{:>6}", format!("{} min", every_seconds / 60)),
            format!("{:>8}", grouped(*runs)),
            format!("{:>7}", usual.seconds),
            format!("{metrics:>7}"),
            format!("{alarms:>6}"),
            money(usd),
            share(usd),
        ]
    };
    let blank = |title: &str, usd: f64| {
        let [a, b, c, d, e] = [const { String::new() }; 5];
        [title.to_owned(), a, b, c, d, e, money(usd), share(usd)]
    };
    let mut running: Vec<&Running> = running.iter().collect();
    running.sort_by(|one, other| {
        let usd = |running: &Running| bill.of_checks.get(running.usual.check).copied().unwrap_or_default();
        usd(other).total_cmp(&usd(one))
    });
    let rows = running.into_iter().map(row);
    let rows = rows.chain([blank("what all share", bill.shared), blank("total", bill.total.list)]);
    let (runs, list) = (format!("{:>8}", "RUNS"), right("LIST"));
    columns(["CHECK", " EVERY", &runs, "SECONDS", "METRICS", "ALARMS", &list, " SHARE"], rows)
}

/// What the bill would be otherwise: the lines that differ.
fn differences(base: &Bill, then: &Bill) -> String {
    let mut kinds: Vec<Kind> = base.lines.iter().chain(&then.lines).map(|line| line.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of = |bill: &Bill, kind: Kind| bill.line(kind).map_or(0.0, |line| line.sum.list);
    let row = |title: &str, base: f64, then: f64| {
        [title.to_owned(), money(base), money(then), format!("{:>+10.2}", then - base)]
    };
    let changed = kinds.into_iter().filter(|kind| (of(base, *kind) - of(then, *kind)).abs() >= 0.005);
    let rows = changed.map(|kind| row(kind.title(), of(base, kind), of(then, kind)));
    let totals = [
        row("total at list price", base.total.list, then.total.list),
        row("total, net", base.total.net, then.total.net),
    ];
    columns(["WHAT", &right("AS IS"), &right("THEN"), "DIFFERENCE"], rows.chain(totals))
}

fn notes(counted: &Counted, prices: &Prices) -> Vec<String> {
    let Counted { plan, usage, bill } = counted;
    let running = || usage.running.iter();
    let mut notes = vec![
        "LIST is the list price; NET is less what is free every month, if nothing else in the account uses it."
            .to_owned(),
        format!(
            "Assumed: runs of {} s; lines of {} KB, and {LAMBDA_LINES_KB} of Lambda's own;\n  {} incidents a month, each told {MESSAGES} \
             times by its function and {ALARM_MESSAGES} times by an alarm.",
            range(running().map(|running| running.usual.seconds)),
            range(running().map(|running| running.usual.line_kb)),
            plan.incidents,
        ),
    ];
    for unknown in &bill.unknown {
        let key = price_key(&unknown.unit);
        notes.push(format!("In no sum, since nobody says what one costs: {}.{key}", amount(unknown)));
    }
    if !usage.without_settings.is_empty() {
        notes.push(format!(
            "Without settings, so that their secrets are not counted: {}.",
            usage.without_settings.join(", ")
        ));
    }
    for (kind, count) in &usage.not_reckoned {
        notes.push(format!("Not reckoned, since what it costs is not known here: {count} × {kind}."));
    }
    if usage.has_rotating_key {
        notes.push(
            "A key that is rotated costs 1.00 more a month after its first year, and 2.00 more after its second."
                .to_owned(),
        );
    }
    notes.push(
        "Not in it: infra/platform.yaml: its alarms, and the agent's metrics at the price of custom ones, for each server;\n  \
         CloudWatch Logs' own requests to KMS; traffic to the internet, of which 100 GB a month are free;\n  \
         what people query in the logs; taxes."
            .to_owned(),
    );
    if !bill.unverified.is_empty() {
        let goods: Vec<String> = bill.unverified.iter().map(|good| word(&json!(good))).collect();
        // A line of so many fits a terminal.
        let lines: Vec<String> = goods.chunks(6).map(|goods| goods.join(", ")).collect();
        notes.push(format!(
            "Not verified for {}, by their names in prices.toml:\n  {}.",
            prices.region,
            lines.join(",\n  ")
        ));
    }
    notes
}

/// Where the settings would say it.
fn price_key(unit: &str) -> &'static str {
    match unit {
        "e-mails" => " Set check.notifications.email.price_usd.",
        "SMS" => " Set check.notifications.sms.price_usd.",
        _ => " It differs by country.",
    }
}

fn word(value: &Value) -> String {
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

/// `253,440`; of small numbers that are not whole, three digits.
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

/// For programs.
pub(super) fn value(answer: &Answer, prices: &Prices) -> Value {
    let counted = |counted: &Counted| {
        let mut bill = json!(counted.bill);
        for (place, line) in counted.bill.lines.iter().enumerate() {
            // What is unknown is not nothing.
            if line.is_unknown() {
                bill["lines"][place]["list"] = Value::Null;
                bill["lines"][place]["net"] = Value::Null;
            }
        }
        json!({
            "bill": bill,
            "checks": counted.usage.running,
            "incidents": counted.plan.incidents,
            "has_rotating_key": counted.usage.has_rotating_key,
            "not_reckoned": counted.usage.not_reckoned,
            "without_settings": counted.usage.without_settings,
        })
    };
    json!({
        "environment": answer.base.plan.environment,
        "region": answer.region,
        "settings": answer.settings,
        "month_days": MONTH_DAYS,
        "prices": { "region": prices.region, "as_of": prices.as_of, "currency": "USD", "allowances": prices.allowances },
        "assumed": {
            "usual": USUAL,
            "lambda_lines_kb": LAMBDA_LINES_KB,
            "messages_per_incident": MESSAGES,
            "alarm_messages_per_incident": ALARM_MESSAGES,
            "addresses": ADDRESSES,
            "failed_invocations": FAILED_INVOCATIONS,
            "endpoint_kb_per_run": ENDPOINT_KB,
        },
        "as_is": counted(&answer.base),
        "what_if": answer.then.as_ref().map(|then| json!({ "changes": answer.changes, "then": counted(then) })),
        "max": answer.max.as_ref().map(|max| {
            json!({ "usd": max.usd, "over_by_usd": max.over_by, "unknown": answer.last().bill.unknown })
        }),
    })
}
