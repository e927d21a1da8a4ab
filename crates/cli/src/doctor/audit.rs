//! The rules; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, MetricAlarm, MetricId, Template, TemplateError};
use check::metric::NAMESPACE;
use serde_json::Value;

use super::numbers::AT_LEAST_NOTHING;

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
    /// The environment in which it is so, when it is not so in those without a value of their own.
    pub(crate) environment: Option<String>,
}

impl Finding {
    /// So in every environment, as far as it is known.
    pub(crate) fn new(file: &'static str, line: usize, path: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { file, line, path: path.into(), rule: rule.into(), environment: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: ", self.file, self.line, self.path)?;
        if let Some(environment) = &self.environment {
            write!(f, "in {environment}: ")?;
        }
        f.write_str(&self.rule)
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
    /// Those that are none: CloudWatch, or the reader, refuses them.
    pub(crate) refused: Vec<Refused>,
}

/// An alarm that is refused.
pub(crate) struct Refused {
    /// As it is written.
    pub(crate) alarm: Resource,
    /// Why, and where.
    pub(crate) error: TemplateError,
}

/// What is looked through.
pub(crate) struct AuditInput<'a> {
    /// The functions' template.
    pub(crate) functions: &'a Template,
    /// The template of the checks' alarms.
    pub(crate) alarms: &'a Shipped,
    /// Other templates with alarms.
    pub(crate) others: &'a [Shipped],
    /// The pages of runbooks, by file name.
    pub(crate) runbooks: &'a BTreeMap<String, String>,
    /// What the templates were read with.
    pub(crate) inputs: &'a Inputs,
}

/// All that is found, in the order of the templates.
pub(crate) fn audit(rooms: &AuditInput<'_>) -> Vec<Finding> {
    let mut findings = Findings { rooms, of: rooms.alarms, found: Vec::new() };
    findings.stacks_name_the_same_checks();
    let cadences = findings.cadences();
    findings.timeouts(&cadences);
    findings.unwatched();
    findings.names();
    for shipped in std::iter::once(rooms.alarms).chain(rooms.others) {
        findings.of = shipped;
        let refused = shipped.refused.iter().map(|refused| &refused.error);
        let refused = refused.map(|error| Finding::new(shipped.file, error.line, &error.path, &error.rule));
        findings.found.extend(refused);
        for alarm in &shipped.alarms {
            findings.actions(alarm);
            findings.description(alarm);
            if let Alarm::Metric(alarm) = alarm {
                findings.metrics(alarm, &cadences);
                findings.filtered(alarm);
                findings.check_aws_metric(alarm);
                findings.window(alarm);
            }
        }
        findings.composites();
        findings.texts();
    }
    findings.found
}

/// What is being found.
pub(super) struct Findings<'a> {
    pub(super) rooms: &'a AuditInput<'a>,
    /// The template that is being looked through.
    pub(super) of: &'a Shipped,
    pub(super) found: Vec<Finding>,
}

impl Findings<'_> {
    pub(super) fn report(&mut self, id: &str, property: &str, rule: impl Into<String>) {
        let line = self.of.template.resource(id).map_or(1, |resource| resource.line);
        let path = format!("Resources.{id}.{property}");
        self.found.push(Finding::new(self.of.file, line, path, rule));
    }

    pub(super) fn report_in_functions(&mut self, path: &str, rule: impl Into<String>) {
        self.found.push(Finding::new(super::FUNCTIONS, 1, path, rule));
    }

    /// No two alarms of an environment have one name: CloudWatch would take them for the same.
    fn names(&mut self) {
        let mut named: BTreeMap<&str, &str> = BTreeMap::new();
        for shipped in std::iter::once(self.rooms.alarms).chain(self.rooms.others) {
            self.of = shipped;
            for alarm in &shipped.alarms {
                if let Some(first) = named.insert(alarm.name(), alarm.logical_id()) {
                    let rule = format!("expected a name of its own, found that of {first}");
                    self.report(alarm.logical_id(), "Properties.AlarmName", rule);
                }
            }
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
            self.report(alarm.logical_id(), "Properties.AlarmActions", rule);
        }
        if !is_silent && !reason.is_empty() {
            let rule = "expected no reason beside an action: one of them is not true";
            self.report(alarm.logical_id(), "Metadata.NoAction", rule);
        }
        let targets: BTreeSet<&String> =
            actions.alarm.iter().chain(&actions.ok).chain(&actions.insufficient_data).collect();
        for target in targets {
            if let Err(why) = self.receives(target, alarm.name()) {
                self.report(alarm.logical_id(), "Properties.AlarmActions", why);
            }
        }
    }

    /// Whether a topic takes what alarms publish: by its policy, and by the key that encrypts it.
    fn receives(&self, target: &str, alarm: &str) -> Result<(), String> {
        let functions = self.rooms.functions;
        let topic = target.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let topic = topic.and_then(|id| functions.resource(id)).filter(|topic| topic.kind == "AWS::SNS::Topic");
        let Some(topic) = topic else {
            return Err(format!("expected a topic of {}, found `{target}`", super::FUNCTIONS));
        };
        let of_topic = Value::from(target);
        let is_let_in = functions.resources_of_type("AWS::SNS::TopicPolicy").any(|policy| {
            list(property(policy, "Topics")).contains(&&of_topic)
                && holds(&property(policy, "PolicyDocument")["Statement"], |statement| {
                    let resource = &statement["Resource"];
                    // Amazon SNS Developer Guide, "API permissions": one resource, which is the topic, and no other's actions.
                    self.lets_alarm(alarm, statement, "sns:Publish")
                        && (*resource == of_topic || *resource == Value::from(vec![target]) || resource == "*")
                        && !holds(&statement["Action"], |action| action.to_string().ends_with("*\""))
                })
        });
        if !is_let_in {
            return Err(format!(
                "expected a policy that lets alarms publish to {}, and is about no other, found none: it would be refused",
                topic.id
            ));
        }
        let Some(key) = topic.properties.get("KmsMasterKeyId").and_then(Value::as_str) else { return Ok(()) };
        let id = key.trim_start_matches("${").trim_end_matches('}').split('.').next().unwrap_or_default();
        let Some(key) = functions.resource(id) else {
            return Err(format!(
                "expected {} to be encrypted with a key of this template, found `{key}`: nobody sees whether alarms may use it, and \
                 with AWS's own they may not",
                topic.id
            ));
        };
        let statements = &property(key, "KeyPolicy")["Statement"];
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            if !holds(statements, |statement| self.lets_alarm(alarm, statement, action)) {
                return Err(format!(
                    "expected {id} to let alarms use {action}, found nothing of it: the topic stays silent"
                ));
            }
        }
        Ok(())
    }

    /// Whether a statement of a policy lets an alarm do something.
    fn lets_alarm(&self, alarm: &str, statement: &Value, action: &str) -> bool {
        let Inputs { region, account, .. } = self.rooms.inputs;
        let arn = format!("arn:aws:cloudwatch:{region}:{account}:alarm:{alarm}");
        // What is not asked here, such as another key of a condition, is taken to be so.
        let is_so = |value: &Value, is_so: &dyn Fn(&Value) -> bool| value.is_null() || holds(value, is_so);
        let asked = |operator: &str, key: &str| {
            let keys = statement["Condition"][operator].as_object();
            let own = keys.and_then(|keys| keys.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)));
            own.map_or(&Value::Null, |(_, value)| value)
        };
        statement["Effect"] == "Allow"
            && holds(&statement["Principal"]["Service"], |service| service == "cloudwatch.amazonaws.com")
            // IAM compares actions without their case.
            && holds(&statement["Action"], |own| is_like(&own.to_string().to_lowercase(), &action.to_lowercase()))
            && is_so(asked("StringEquals", "aws:SourceAccount"), &|own| own == account.as_str())
            && ["ArnLike", "ArnEquals", "StringLike"]
                .iter()
                .all(|operator| is_so(asked(operator, "aws:SourceArn"), &|own| is_like(&own.to_string(), &arn)))
    }

    /// What it means, how severe it is, and where it is written what to do.
    fn description(&mut self, alarm: &Alarm) {
        let (id, text) = (alarm.logical_id(), alarm.description());
        let property = "Properties.AlarmDescription";
        if text.chars().count() > 1_024 {
            self.report(id, property, format!("expected at most 1024 characters, found {}", text.chars().count()));
        }
        let severity = alarm.metadata()["Severity"].as_str().unwrap_or_default();
        if !["critical", "warning"].contains(&severity) {
            self.report(id, "Metadata.Severity", format!("expected critical or warning, found `{severity}`"));
        } else if !text.to_lowercase().contains(&format!("{severity}."))
            && !text.to_lowercase().contains(&format!("{severity};"))
        {
            self.report(id, property, format!("expected its severity, {severity}, in the text"));
        }
        let link = text.split_whitespace().find(|word| word.contains(".md#"));
        let rule = match link {
            Some(link) => self.leads_nowhere(link),
            None => Some(
                "expected a link to the heading of a runbook, found none: whoever is woken looks for it".to_owned(),
            ),
        };
        if let Some(rule) = rule {
            self.report(id, property, rule);
        }
    }

    /// What is wrong with a link to a runbook, or to a heading of one.
    fn leads_nowhere(&self, link: &str) -> Option<String> {
        let place = link.rsplit('/').next().unwrap_or(link);
        let (page, heading) = place.split_once('#').map_or((place, None), |(page, heading)| (page, Some(heading)));
        match (self.rooms.runbooks.get(page), heading) {
            (None, _) => Some(format!("expected a runbook {page}, found none")),
            (Some(text), Some(heading)) if !headings(text).contains(heading) => {
                Some(format!("expected a heading `{heading}` in {page}, found none"))
            }
            _ => None,
        }
    }

    /// A dashboard is JSON, and its texts link runbooks that are there.
    fn texts(&mut self) {
        for dashboard in self.of.template.resources_of_type("AWS::CloudWatch::Dashboard") {
            let body = dashboard.properties.get("DashboardBody").and_then(Value::as_str).unwrap_or_default();
            let mut rules = Vec::new();
            if let Err(error) = serde_json::from_str::<Value>(body) {
                rules.push(format!("expected JSON, found what is none: {error}: the stack would not be made"));
            }
            let links = body.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            rules.extend(links.filter(|link| link.contains(".md")).filter_map(|link| self.leads_nowhere(link)));
            for rule in rules {
                self.report(&dashboard.id, "Properties.DashboardBody", rule);
            }
        }
    }

    /// What filters count in log lines is published under the name that the alarm asks for.
    fn filtered(&mut self, alarm: &MetricAlarm) {
        let counted = |metric: &MetricId| {
            self.of.template.resources_of_type("AWS::Logs::MetricFilter").any(|filter| {
                list(property(filter, "MetricTransformations")).iter().any(|into| {
                    into["MetricNamespace"] == metric.namespace.as_str()
                        && into["MetricName"] == metric.name.as_str()
                        && into["Dimensions"].is_null()
                }) && metric.dimensions.is_empty()
            })
        };
        let asked = alarm.source.metrics().map(|(metric, _)| metric);
        let ours = asked.filter(|metric| metric.namespace.starts_with(super::OURS) && metric.namespace != NAMESPACE);
        let ours: Vec<&MetricId> = ours.collect();
        if !ours.is_empty() {
            self.threshold(alarm, &AT_LEAST_NOTHING);
        }
        let missing = ours.into_iter().filter(|metric| !counted(metric));
        let missing: Vec<String> = missing.map(|metric| metric.name.clone()).collect();
        for name in missing {
            let rule = format!("expected a filter on log lines that publishes {name} without dimensions, found none");
            self.report(&alarm.logical_id, "Properties.MetricName", rule);
        }
    }

    /// A composite alarm names alarms that are there.
    fn composites(&mut self) {
        let mut names: BTreeSet<String> = self.of.alarms.iter().map(|alarm| alarm.name().to_owned()).collect();
        // What is wrong with these is told already; the name of one that is not read stays a reference.
        names.extend(self.of.refused.iter().map(|refused| format!("${{{}}}", refused.alarm.id)));
        for alarm in &self.of.alarms {
            let Alarm::Composite(composite) = alarm else { continue };
            for named in composite.rule.alarms() {
                if !names.contains(named) {
                    let rule = format!("expected an alarm of this template, found `{named}`");
                    self.report(&composite.logical_id, "Properties.AlarmRule", rule);
                }
            }
        }
    }
}

/// Whether a text is as a pattern of a policy, as JSON, has it: `*` is any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let pattern = pattern.trim_matches('"');
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, rest)) => text
            .strip_prefix(begin)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| is_like(rest, text)))),
    }
}

/// What a resource has under a name; null, where it has nothing.
fn property<'r>(resource: &'r Resource, name: &str) -> &'r Value {
    resource.properties.get(name).unwrap_or(&Value::Null)
}

/// Whether a value that is one or a list is so, or one of it.
fn holds(value: &Value, is_so: impl Fn(&Value) -> bool) -> bool {
    is_so(value) || list(value).into_iter().any(is_so)
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
