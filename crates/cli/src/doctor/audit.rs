//! The rules; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use alarm::{Alarm, Comparison, MetricAlarm, MetricId, MissingData, Statistic, Template};
use check::metric::{CATALOGUE, Dimensions, Metric, NAMESPACE, Unit};
use serde_json::Value;

use crate::cadence;

/// What CloudWatch allows: periods of less than an hour may reach back a day together, longer ones a week.
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(604_800);

/// What the namespaces of our filters on log lines begin with.
const FILTERED: &str = "JustDriving/";

/// Something that would keep an alarm from firing, or people from hearing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which template.
    pub(crate) file: &'static str,
    /// The line of the resource.
    pub(crate) line: usize,
    /// Where.
    pub(crate) path: String,
    /// What was expected, what was seen, and what comes of it.
    pub(crate) rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.path, self.rule)
    }
}

/// A template with alarms, with every part of it there.
pub(crate) struct Shipped {
    /// Its file.
    pub(crate) file: &'static str,
    /// The template.
    pub(crate) template: Template,
    /// Its alarms.
    pub(crate) alarms: Vec<Alarm>,
}

/// What is looked through.
pub(crate) struct Rooms<'a> {
    /// The functions' template.
    pub(crate) functions: &'a Template,
    /// The template of the checks' alarms.
    pub(crate) alarms: &'a Shipped,
    /// Other templates with alarms.
    pub(crate) others: &'a [Shipped],
    /// The pages of runbooks, by file name.
    pub(crate) runbooks: &'a BTreeMap<String, String>,
}

/// All that is found, in the order of the templates.
pub(crate) fn audit(rooms: &Rooms<'_>) -> Vec<Finding> {
    let mut findings = Findings { rooms, of: rooms.alarms, found: Vec::new() };
    let cadences = findings.cadences();
    findings.timeout(&cadences);
    findings.unwatched();
    for shipped in std::iter::once(rooms.alarms).chain(rooms.others) {
        findings.of = shipped;
        for alarm in &shipped.alarms {
            findings.actions(alarm);
            findings.description(alarm);
            if let Alarm::Metric(alarm) = alarm {
                findings.metrics(alarm, &cadences);
                findings.filtered(alarm);
                findings.window(alarm);
            }
        }
        findings.composites();
        findings.texts();
    }
    findings.found
}

struct Findings<'a> {
    rooms: &'a Rooms<'a>,
    /// The template that is being looked through.
    of: &'a Shipped,
    found: Vec<Finding>,
}

/// A metric that no alarm is about, and why.
const WITHOUT_ALARM: [(&str, &str); 7] = [
    ("Duration", "each check has a budget of its own"),
    ("Requests", "how many users there are is no fault"),
    ("CpuLoad", "what is much depends on the number of processors"),
    ("PaymentMismatches", "its function tells each one"),
    ("IntegrationFailures", "its function tells each one"),
    ("LeftBehind", "its function tells each one"),
    ("Success", "its function tells each failure"),
];

impl Findings<'_> {
    fn of_resource(&mut self, id: &str, property: &str, rule: impl Into<String>) {
        let line = self.of.template.resource(id).map_or(1, |resource| resource.line);
        let path = format!("Resources.{id}.{property}");
        self.found.push(Finding { file: self.of.file, line, path, rule: rule.into() });
    }

    fn of_functions(&mut self, path: &str, rule: impl Into<String>) {
        self.found.push(Finding { file: super::FUNCTIONS, line: 1, path: path.to_owned(), rule: rule.into() });
    }

    /// How often each check runs, by its id. Both templates must say the same.
    fn cadences(&mut self) -> BTreeMap<String, Duration> {
        let mut cadences = BTreeMap::new();
        let empty = serde_json::Map::new();
        let (functions, alarms) =
            (&self.rooms.functions.mappings["Checks"], &self.rooms.alarms.template.mappings["Checks"]);
        let alarms = alarms.as_object().unwrap_or(&empty);
        for (name, entry) in functions.as_object().unwrap_or(&empty) {
            let path = format!("Mappings.Checks.{name}");
            let schedule = entry["Schedule"].as_str().unwrap_or_default();
            let Some(cadence) = cadence::of_schedule(schedule) else {
                self.of_functions(
                    &path,
                    format!("expected cron(* * * * ? *) or cron(A/B * * * ? *), saw `{schedule}`"),
                );
                continue;
            };
            let id = entry["Id"].as_str().unwrap_or_default();
            cadences.insert(id.to_owned(), cadence);
            let Some(own) = alarms.get(name) else { continue };
            let seconds = own["Seconds"].as_u64().unwrap_or_default();
            if own["Id"].as_str() != Some(id) || seconds != cadence.as_secs() {
                let rule = format!(
                    "expected {id} every {} s, as {} has it, saw {} every {seconds} s: its alarms would look at other minutes",
                    cadence.as_secs(),
                    super::FUNCTIONS,
                    own["Id"].as_str().unwrap_or_default()
                );
                self.found.push(Finding { file: super::ALARMS, line: 1, path, rule });
            }
        }
        for name in alarms.keys().filter(|name| functions.get(name.as_str()).is_none()) {
            let rule = format!("expected a check of {}, saw none of this name", super::FUNCTIONS);
            let path = format!("Mappings.Checks.{name}");
            self.found.push(Finding { file: super::ALARMS, line: 1, path, rule });
        }
        cadences
    }

    /// A function that may run longer than its cadence overlaps with itself.
    fn timeout(&mut self, cadences: &BTreeMap<String, Duration>) {
        let timeout = self.rooms.functions.globals["Function"]["Timeout"].as_u64();
        let shortest = cadences.values().min();
        match (timeout, shortest) {
            (Some(timeout), Some(shortest)) if timeout >= shortest.as_secs() => {
                let rule = format!(
                    "expected less than the shortest cadence, {} s, saw {timeout} s: runs would overlap",
                    shortest.as_secs()
                );
                self.of_functions("Globals.Function.Timeout", rule);
            }
            (None, _) => self.of_functions("Globals.Function.Timeout", "expected a timeout, saw none: it would be 3 s"),
            _ => {}
        }
    }

    /// Somebody is told, or it is said why not; and whoever is told can be.
    fn actions(&mut self, alarm: &Alarm) {
        let actions = alarm.actions();
        let reason = alarm.metadata()["NoAction"].as_str().unwrap_or_default();
        let is_silent = !actions.enabled || actions.alarm.is_empty();
        if is_silent && reason.trim().is_empty() {
            let rule =
                "expected an action, or the reason that there is none in Metadata.NoAction: nobody would hear of it";
            self.of_resource(alarm.logical_id(), "Properties.AlarmActions", rule);
        }
        if !is_silent && !reason.is_empty() {
            let rule = "expected no reason beside an action: one of them is not true";
            self.of_resource(alarm.logical_id(), "Metadata.NoAction", rule);
        }
        let targets: BTreeSet<&String> =
            actions.alarm.iter().chain(&actions.ok).chain(&actions.insufficient_data).collect();
        for target in targets {
            if let Err(why) = self.receives(target) {
                self.of_resource(alarm.logical_id(), "Properties.AlarmActions", why);
            }
        }
    }

    /// Whether a topic takes what alarms publish: by its policy, and by the key that encrypts it.
    fn receives(&self, target: &str) -> Result<(), String> {
        let functions = self.rooms.functions;
        let topic = target.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let topic = topic.and_then(|id| functions.resource(id)).filter(|topic| topic.kind == "AWS::SNS::Topic");
        let Some(topic) = topic else {
            return Err(format!("expected a topic of {}, saw `{target}`", super::FUNCTIONS));
        };
        let lets_alarms = |statement: &Value, action: &str| {
            let is_action = |value: &Value| {
                value.as_str().is_some_and(|own| own == action || own == format!("{}*", action.trim_end_matches('*')))
            };
            statement["Effect"] == "Allow"
                && statement["Principal"]["Service"] == "cloudwatch.amazonaws.com"
                && (is_action(&statement["Action"]) || list(&statement["Action"]).iter().any(|value| is_action(value)))
        };
        let of_topic = Value::from(target);
        let is_let_in = functions.of_kind("AWS::SNS::TopicPolicy").any(|policy| {
            list(&policy.properties["Topics"]).contains(&&of_topic)
                && list(&policy.properties["PolicyDocument"]["Statement"]).iter().any(|statement| {
                    lets_alarms(statement, "sns:Publish")
                        && (statement["Resource"] == of_topic || list(&statement["Resource"]).contains(&&of_topic))
                })
        });
        if !is_let_in {
            return Err(format!(
                "expected a policy that lets alarms publish to {}, saw none: it would be refused",
                topic.id
            ));
        }
        let Some(key) = topic.properties.get("KmsMasterKeyId").and_then(Value::as_str) else { return Ok(()) };
        let id = key.trim_start_matches("${").trim_end_matches('}').split('.').next().unwrap_or_default();
        let Some(key) = functions.resource(id) else {
            return Err(format!(
                "expected {} to be encrypted with a key of ours, saw `{key}`: no alarm may publish with AWS's own key",
                topic.id
            ));
        };
        let statements = list(&key.properties["KeyPolicy"]["Statement"]);
        for action in ["kms:Decrypt", "kms:GenerateDataKey*"] {
            if !statements.iter().any(|statement| lets_alarms(statement, action)) {
                return Err(format!(
                    "expected {id} to let alarms use {action}, saw nothing of it: the topic stays silent"
                ));
            }
        }
        Ok(())
    }

    /// What it means, how severe it is, and where it is written what to do.
    fn description(&mut self, alarm: &Alarm) {
        let (id, text) = (alarm.logical_id(), alarm.description());
        let property = "Properties.AlarmDescription";
        if text.chars().count() > 1_024 {
            self.of_resource(id, property, format!("expected at most 1024 characters, saw {}", text.chars().count()));
        }
        let severity = alarm.metadata()["Severity"].as_str().unwrap_or_default();
        if !["critical", "warning"].contains(&severity) {
            self.of_resource(id, "Metadata.Severity", format!("expected critical or warning, saw `{severity}`"));
        } else if !text.to_lowercase().contains(&format!("{severity}."))
            && !text.to_lowercase().contains(&format!("{severity};"))
        {
            self.of_resource(id, property, format!("expected its severity, {severity}, in the text"));
        }
        let link = text.split_whitespace().find(|word| word.contains(".md#"));
        let rule = match link {
            Some(link) => self.leads_nowhere(link),
            None => {
                Some("expected a link to the heading of a runbook, saw none: whoever is woken looks for it".to_owned())
            }
        };
        if let Some(rule) = rule {
            self.of_resource(id, property, rule);
        }
    }

    /// What is wrong with a link to a runbook, or to a heading of one.
    fn leads_nowhere(&self, link: &str) -> Option<String> {
        let place = link.rsplit('/').next().unwrap_or(link);
        let (page, heading) = place.split_once('#').map_or((place, None), |(page, heading)| (page, Some(heading)));
        match (self.rooms.runbooks.get(page), heading) {
            (None, _) => Some(format!("expected a runbook {page}, saw none")),
            (Some(text), Some(heading)) if !headings(text).contains(heading) => {
                Some(format!("expected a heading `{heading}` in {page}, saw none"))
            }
            _ => None,
        }
    }

    /// A dashboard is JSON, and its texts link runbooks that are there.
    fn texts(&mut self) {
        for dashboard in self.of.template.of_kind("AWS::CloudWatch::Dashboard") {
            let body = dashboard.properties.get("DashboardBody").and_then(Value::as_str).unwrap_or_default();
            let mut rules = Vec::new();
            if let Err(error) = serde_json::from_str::<Value>(body) {
                rules.push(format!("expected JSON, saw what is none: {error}: the stack would not be made"));
            }
            let links = body.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            rules.extend(links.filter(|link| link.contains(".md")).filter_map(|link| self.leads_nowhere(link)));
            for rule in rules {
                self.of_resource(&dashboard.id, "Properties.DashboardBody", rule);
            }
        }
    }

    /// What filters count in log lines is published under the name that the alarm asks for.
    fn filtered(&mut self, alarm: &MetricAlarm) {
        let counted = |metric: &MetricId| {
            self.of.template.of_kind("AWS::Logs::MetricFilter").any(|filter| {
                list(&filter.properties["MetricTransformations"]).iter().any(|into| {
                    into["MetricNamespace"] == metric.namespace.as_str() && into["MetricName"] == metric.name.as_str()
                }) && metric.dimensions.is_empty()
            })
        };
        let asked = alarm.source.metrics().map(|(metric, _)| metric);
        let ours = asked.filter(|metric| metric.namespace.starts_with(FILTERED) && metric.namespace != NAMESPACE);
        let missing: Vec<String> = ours.filter(|metric| !counted(metric)).map(|metric| metric.name.clone()).collect();
        for name in missing {
            let rule = format!("expected a filter on log lines that publishes {name} without dimensions, saw none");
            self.of_resource(&alarm.logical_id, "Properties.MetricName", rule);
        }
    }

    /// Each metric is one that is published, with its dimensions, and a statistic that a repeated call does not change.
    fn metrics(&mut self, alarm: &MetricAlarm, cadences: &BTreeMap<String, Duration>) {
        let ours: Vec<(MetricId, Statistic)> = alarm
            .source
            .metrics()
            .filter(|(metric, _)| metric.namespace == NAMESPACE)
            .map(|(metric, statistic)| (metric.clone(), statistic))
            .collect();
        for (metric, statistic) in ours {
            if matches!(statistic, Statistic::Sum | Statistic::SampleCount) {
                let rule = format!(
                    "expected Average, Minimum or Maximum, saw {}: a call that is sent again counts twice",
                    statistic.as_str()
                );
                self.of_resource(&alarm.logical_id, "Properties.Statistic", rule);
            }
            let Some(known) = CATALOGUE.iter().find(|known| known.name == metric.name) else {
                let rule = format!("expected a metric that is published, saw {}: nobody does", metric.name);
                self.of_resource(&alarm.logical_id, "Properties.MetricName", rule);
                continue;
            };
            if let Err(rule) = dimensions(known, &metric, cadences) {
                self.of_resource(&alarm.logical_id, "Properties.Dimensions", rule);
                continue;
            }
            self.reach(alarm, known, &metric, cadences);
        }
    }

    /// Whether the threshold can be passed at all: by the unit, and by how often a value comes.
    fn reach(&mut self, alarm: &MetricAlarm, known: &Metric, metric: &MetricId, cadences: &BTreeMap<String, Duration>) {
        let id = &alarm.logical_id;
        let (least, most) = match (known.unit, known.name) {
            (_, "Success" | "Errored") => (0.0, 1.0),
            (_, "CertificateDaysRemaining") => (f64::MIN, f64::MAX),
            (Unit::Percent, _) => (0.0, 100.0),
            _ => (0.0, f64::MAX),
        };
        let threshold = alarm.threshold;
        let can_breach = match alarm.comparison {
            Comparison::Greater => threshold < most,
            Comparison::GreaterOrEqual => threshold <= most,
            Comparison::Less => threshold > least,
            Comparison::LessOrEqual => threshold >= least,
        };
        let is_always = match alarm.comparison {
            Comparison::Greater => threshold < least,
            Comparison::GreaterOrEqual => threshold <= least,
            Comparison::Less => threshold > most,
            Comparison::LessOrEqual => threshold >= most,
        };
        if !can_breach || is_always {
            let what = if is_always { "every" } else { "no" };
            let rule =
                format!("expected a threshold within {least} to {most}, saw {threshold}: {what} value is beyond it");
            self.of_resource(id, "Properties.Threshold", rule);
        }
        let Some(cadence) = metric.dimensions.get("Check").and_then(|check| cadences.get(check)) else { return };
        if !alarm.period.as_secs().is_multiple_of(cadence.as_secs()) {
            let rule = format!(
                "expected a multiple of the check's cadence, {} s, saw {} s: some periods would be empty",
                cadence.as_secs(),
                alarm.period.as_secs()
            );
            self.of_resource(id, "Properties.Period", rule);
        }
        // One run that is late, or lost, is no alarm.
        let to_alarm = u32::try_from(alarm.datapoints_to_alarm).unwrap_or(u32::MAX);
        if alarm.missing == MissingData::Breaching && alarm.period.saturating_mul(to_alarm) < *cadence * 2 {
            let rule = format!(
                "expected at least two runs' time where missing counts as breaching, saw {} s: one late run would wake people",
                alarm.period.saturating_mul(to_alarm).as_secs()
            );
            self.of_resource(id, "Properties.EvaluationPeriods", rule);
        }
    }

    /// What CloudWatch allows together.
    fn window(&mut self, alarm: &MetricAlarm) {
        let periods = u32::try_from(alarm.evaluation_periods).unwrap_or(u32::MAX);
        let together = alarm.period.saturating_mul(periods);
        let most = if alarm.period < HOUR { DAY } else { WEEK };
        if together > most {
            let rule = format!(
                "expected periods of at most {} s together, saw {} s: CloudWatch refuses the alarm",
                most.as_secs(),
                together.as_secs()
            );
            self.of_resource(&alarm.logical_id, "Properties.EvaluationPeriods", rule);
        }
    }

    /// A composite alarm names alarms that are there.
    fn composites(&mut self) {
        let names: BTreeSet<&str> = self.of.alarms.iter().map(Alarm::name).collect();
        for alarm in &self.of.alarms {
            let Alarm::Composite(composite) = alarm else { continue };
            for named in composite.rule.alarms() {
                if !names.contains(named) {
                    let rule = format!("expected an alarm of this template, saw `{named}`");
                    self.of_resource(&composite.logical_id, "Properties.AlarmRule", rule);
                }
            }
        }
    }

    /// Every metric has an alarm, or a reason that it has none.
    fn unwatched(&mut self) {
        let watched: BTreeSet<String> = self
            .rooms
            .alarms
            .alarms
            .iter()
            .filter_map(|alarm| match alarm {
                Alarm::Metric(alarm) => Some(alarm),
                Alarm::Composite(_) => None,
            })
            .flat_map(|alarm| alarm.source.metrics().map(|(metric, _)| metric.name.clone()).collect::<Vec<_>>())
            .collect();
        for metric in CATALOGUE {
            let is_excused = WITHOUT_ALARM.iter().any(|(name, _)| *name == metric.name);
            if !watched.contains(metric.name) && !is_excused {
                let rule = format!("expected an alarm on {}, saw none: nobody looks at it", metric.name);
                self.found.push(Finding { file: super::ALARMS, line: 1, path: "Resources".to_owned(), rule });
            }
        }
    }
}

fn dimensions(known: &Metric, metric: &MetricId, cadences: &BTreeMap<String, Duration>) -> Result<(), String> {
    let names: Vec<&str> = metric.dimensions.keys().map(String::as_str).collect();
    let expected: &[&str] = match known.dimensions {
        Dimensions::Environment => &["Environment"],
        Dimensions::EnvironmentAndCheck => &["Check", "Environment"],
        Dimensions::EnvironmentCheckAndChannel => &["Channel", "Check", "Environment"],
    };
    if names != expected {
        return Err(format!(
            "expected exactly {}, saw {}: there is no such metric",
            expected.join(", "),
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ));
    }
    let check = metric.dimensions.get("Check");
    if let (Some(owner), Some(check)) = (known.owner, check)
        && owner != check
    {
        return Err(format!("expected Check={owner}, which publishes {}, saw Check={check}", known.name));
    }
    if let Some(check) = check.filter(|check| !cadences.contains_key(*check)) {
        return Err(format!("expected the id of a check, saw `{check}`"));
    }
    Ok(())
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &str) -> BTreeSet<String> {
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    page.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}
