//! Audit rules for alarms, topics and dashboards. Pure.

use std::collections::{BTreeMap, BTreeSet};

use alarm::template::Resource;
use alarm::{Alarm, Inputs, MetricId, Numbers};
use check::metric::NAMESPACE;
use serde_json::Value;

use super::findings::{AuditInput, FUNCTIONS, Finding, Findings, OWN_NAMESPACES};
use super::numbers::NON_NEGATIVE;

/// Maximum length of a dimension's value. **Units:** characters.
const MAX_DIMENSION_VALUE: usize = 1_024;

/// Returns all findings, in the order of the templates.
pub(super) fn audit(input: &AuditInput<'_>) -> Vec<Finding> {
    let mut findings = Findings { input, current: input.alarms, found: Vec::new() };
    findings.audit_check_names();
    let cadences = findings.audit_cadences();
    findings.audit_timeouts(&cadences);
    findings.audit_metric_coverage();
    findings.audit_objective_coverage(&cadences);
    findings.audit_alarm_names();
    for shipped in std::iter::once(input.alarms).chain(input.others) {
        findings.current = shipped;
        let rejected = shipped.rejected.iter().map(|rejected| &rejected.error);
        let rejected = rejected.map(|error| Finding::new(shipped.file, error.line, &error.path, &error.rule));
        findings.found.extend(rejected);
        for alarm in &shipped.alarms {
            findings.audit_actions(alarm);
            findings.audit_description(alarm);
            if let Some(numbers) = alarm.numbers() {
                let id = alarm.logical_id();
                findings.audit_dimension_values(id, &numbers);
                findings.audit_metrics(id, &numbers, &cadences);
                findings.audit_objective(id, &numbers, &cadences);
                findings.audit_metric_filters(id, &numbers);
                findings.audit_aws_metrics(id, &numbers);
                findings.audit_evaluation_window(id, &numbers);
            }
        }
        for (id, parts) in alarm::not_replayed(&shipped.alarms) {
            parts.iter().for_each(|part| findings.note_not_replayed(id, part));
        }
        findings.audit_composites();
        findings.audit_dashboards();
    }
    findings.found
}

impl Findings<'_> {
    /// Each alarm of an environment needs a unique name, because CloudWatch treats alarms of the same name as one.
    fn audit_alarm_names(&mut self) {
        let mut named: BTreeMap<&str, &str> = BTreeMap::new();
        for shipped in std::iter::once(self.input.alarms).chain(self.input.others) {
            self.current = shipped;
            for alarm in &shipped.alarms {
                if let Some(first) = named.insert(alarm.name(), alarm.logical_id()) {
                    let rule = format!(
                        "expected a unique name, found the name of {first}: CloudWatch would treat both as one alarm"
                    );
                    self.report(alarm.logical_id(), "Properties.AlarmName", rule);
                }
            }
        }
    }

    /// Each alarm needs an action, or the reason that it has none. Each topic of an action must accept the alarm's
    /// messages.
    fn audit_actions(&mut self, alarm: &Alarm) {
        let actions = alarm.actions();
        let reason = alarm.metadata()["NoAction"].as_str().unwrap_or_default();
        let is_silent = !actions.enabled || actions.alarm.is_empty();
        if is_silent && reason.trim().is_empty() {
            let (property, rule) = match actions.enabled {
                true => ("AlarmActions", "expected an action, or a reason in Metadata.NoAction, found neither"),
                false => ("ActionsEnabled", "expected true, or a reason in Metadata.NoAction, found false without one"),
            };
            let path = format!("Properties.{property}");
            self.report(alarm.logical_id(), &path, format!("{rule}: the alarm would notify no one"));
        }
        if !is_silent && !reason.is_empty() {
            let rule =
                "expected no reason in Metadata.NoAction of an alarm with actions, found one: the two contradict";
            self.report(alarm.logical_id(), "Metadata.NoAction", rule);
        }
        let targets: BTreeSet<&String> =
            actions.alarm.iter().chain(&actions.ok).chain(&actions.insufficient_data).collect();
        for target in targets {
            if let Err(why) = self.audit_topic(target, alarm.name()) {
                self.report(alarm.logical_id(), "Properties.AlarmActions", why);
            }
        }
    }

    /// Checks that a topic's policy and its encryption key let an alarm publish.
    fn audit_topic(&self, target: &str, alarm: &str) -> Result<(), String> {
        let functions = self.input.functions;
        let topic = target.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let topic = topic.and_then(|id| functions.resource(id)).filter(|topic| topic.kind == "AWS::SNS::Topic");
        let Some(topic) = topic else {
            return Err(format!(
                "expected an SNS topic of {}, found `{target}`: its policy and key are unknown",
                FUNCTIONS
            ));
        };
        let topic_ref = Value::from(target);
        let may_publish = functions.resources_of_type("AWS::SNS::TopicPolicy").any(|policy| {
            list(property(policy, "Topics")).contains(&&topic_ref)
                && any(&property(policy, "PolicyDocument")["Statement"], |statement| {
                    let resource = &statement["Resource"];
                    // Amazon SNS Developer Guide, "API permissions": the only resource is the topic, and all actions
                    // are SNS actions.
                    self.allows_alarm(alarm, statement, "sns:Publish")
                        && (*resource == topic_ref || *resource == Value::from(vec![target]) || resource == "*")
                        && !any(&statement["Action"], |action| action.to_string().ends_with("*\""))
                })
        });
        if !may_publish {
            return Err(format!(
                "expected a topic policy for {} alone that lets alarms publish, found none: SNS would reject \
                 the alarm's messages",
                topic.id
            ));
        }
        let Some(key) = topic.properties.get("KmsMasterKeyId").and_then(Value::as_str) else { return Ok(()) };
        let id = key.trim_start_matches("${").trim_end_matches('}').split('.').next().unwrap_or_default();
        let Some(key) = functions.resource(id) else {
            return Err(format!(
                "expected a KMS key of this template on {}, found `{key}`: alarms cannot use an AWS managed key, and \
                 the policy of any other key is unknown",
                topic.id
            ));
        };
        let statements = &property(key, "KeyPolicy")["Statement"];
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            if !any(statements, |statement| self.allows_alarm(alarm, statement, action)) {
                return Err(format!(
                    "expected the policy of {id} to let alarms use {action}, found no such statement: alarms \
                     could not publish"
                ));
            }
        }
        Ok(())
    }

    /// Returns true when a policy statement allows an action to an alarm.
    fn allows_alarm(&self, alarm: &str, statement: &Value, action: &str) -> bool {
        let Inputs { region, account, .. } = self.input.inputs;
        let expected_arn = format!("arn:aws:cloudwatch:{region}:{account}:alarm:{alarm}");
        let has_arn = |pattern: &Value| matches_pattern(&pattern.to_string(), &expected_arn);
        // Absent conditions are met, and other condition keys are assumed to be met.
        let is_met = |value: &Value, test: &dyn Fn(&Value) -> bool| value.is_null() || any(value, test);
        let condition = |operator: &str, key: &str| {
            let keys = statement["Condition"][operator].as_object();
            let found = keys.and_then(|keys| keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
            found.map_or(&Value::Null, |(_, value)| value)
        };
        statement["Effect"] == "Allow"
            && any(&statement["Principal"]["Service"], |service| service == "cloudwatch.amazonaws.com")
            // IAM compares actions case-insensitively.
            && any(&statement["Action"], |own| matches_pattern(&own.to_string().to_lowercase(), &action.to_lowercase()))
            && is_met(condition("StringEquals", "aws:SourceAccount"), &|value| value == account.as_str())
            && ["ArnLike", "ArnEquals", "StringLike"]
                .iter()
                .all(|operator| is_met(condition(operator, "aws:SourceArn"), &has_arn))
    }

    /// A description needs the severity and a runbook link, in at most 1,024 characters.
    fn audit_description(&mut self, alarm: &Alarm) {
        let (id, text) = (alarm.logical_id(), alarm.description());
        let property = "Properties.AlarmDescription";
        if text.chars().count() > 1_024 {
            self.report(
                id,
                property,
                format!(
                    "expected at most 1024 characters, found {}: CloudWatch would reject the alarm",
                    text.chars().count()
                ),
            );
        }
        let severity = alarm.metadata()["Severity"].as_str().unwrap_or_default();
        if !["critical", "warning"].contains(&severity) {
            self.report(id, "Metadata.Severity", format!("expected critical or warning, found `{severity}`"));
        } else if !text.to_lowercase().contains(&format!("{severity}."))
            && !text.to_lowercase().contains(&format!("{severity};"))
        {
            self.report(
                id,
                property,
                format!("expected the severity in the text as `{severity}.` or `{severity};`, found neither"),
            );
        }
        let link = text.split_whitespace().find(|word| word.contains(".md#"));
        let rule = match link {
            Some(link) => self.broken_link(link),
            None => Some("expected a link to a runbook heading, found none: the person on call needs it".to_owned()),
        };
        if let Some(rule) = rule {
            self.report(id, property, rule);
        }
    }

    /// Returns the mistake in a link to a runbook or a runbook heading, if there is one.
    fn broken_link(&self, link: &str) -> Option<String> {
        let place = link.rsplit('/').next().unwrap_or(link);
        let (page, heading) = place.split_once('#').map_or((place, None), |(page, heading)| (page, Some(heading)));
        match (self.input.runbooks.get(page), heading) {
            (None, _) => Some(format!("expected a runbook {page}, found none: the link would be broken")),
            (Some(text), Some(heading)) if !headings(text).contains(heading) => {
                Some(format!("expected a heading `{heading}` in {page}, found none: the link would be broken"))
            }
            _ => None,
        }
    }

    /// A dashboard needs valid JSON, and its runbook links must exist.
    fn audit_dashboards(&mut self) {
        for dashboard in self.current.template.resources_of_type("AWS::CloudWatch::Dashboard") {
            let body = dashboard.properties.get("DashboardBody").and_then(Value::as_str).unwrap_or_default();
            let mut rules = Vec::new();
            if let Err(error) = serde_json::from_str::<Value>(body) {
                rules.push(format!("expected valid JSON, found an error ({error}): the deployment would fail"));
            }
            let links = body.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            rules.extend(links.filter(|link| link.contains(".md")).filter_map(|link| self.broken_link(link)));
            for rule in rules {
                self.report(&dashboard.id, "Properties.DashboardBody", rule);
            }
        }
    }

    /// CloudWatch takes values of dimensions up to a length, and no empty ones.
    fn audit_dimension_values(&mut self, id: &str, numbers: &Numbers) {
        for (name, value) in numbers.metrics.iter().flat_map(|watched| &watched.metric.dimensions) {
            let length = value.chars().count();
            if !(1..=MAX_DIMENSION_VALUE).contains(&length) {
                let rule =
                    format!("expected a value of 1 to {MAX_DIMENSION_VALUE} characters for {name}, found {length}");
                self.report(id, "Properties.Dimensions", format!("{rule}: CloudWatch would reject the alarm"));
            }
        }
    }

    /// An alarm on a metric from log lines needs a metric filter that publishes it under the same name.
    fn audit_metric_filters(&mut self, id: &str, numbers: &Numbers) {
        let is_published = |metric: &MetricId| {
            self.current.template.resources_of_type("AWS::Logs::MetricFilter").any(|filter| {
                list(property(filter, "MetricTransformations")).iter().any(|into| {
                    into["MetricNamespace"] == metric.namespace.as_str()
                        && into["MetricName"] == metric.name.as_str()
                        && into["Dimensions"].is_null()
                }) && metric.dimensions.is_empty()
            })
        };
        let metrics = numbers.metrics.iter().map(|watched| &watched.metric);
        let from_logs: Vec<&MetricId> = metrics
            .filter(|metric| metric.namespace.starts_with(OWN_NAMESPACES) && metric.namespace != NAMESPACE)
            .collect();
        if !from_logs.is_empty() {
            self.audit_threshold(id, numbers, &NON_NEGATIVE);
        }
        let missing = from_logs.into_iter().filter(|metric| !is_published(metric));
        let missing: Vec<String> = missing.map(|metric| metric.name.clone()).collect();
        for name in missing {
            let rule = format!(
                "expected a metric filter that publishes {name} without dimensions, found none: the alarm would \
                 have no data"
            );
            self.report(id, "Properties.MetricName", rule);
        }
    }

    /// A composite alarm must name alarms that exist.
    fn audit_composites(&mut self) {
        let mut names: BTreeSet<String> = self.current.alarms.iter().map(|alarm| alarm.name().to_owned()).collect();
        // Rejected alarms are findings already. Their names are unresolved references.
        names.extend(self.current.rejected.iter().map(|rejected| format!("${{{}}}", rejected.alarm.id)));
        for alarm in &self.current.alarms {
            let Alarm::Composite(composite) = alarm else { continue };
            for named in composite.rule.alarms() {
                if !names.contains(named) {
                    let rule = format!(
                        "expected the name of an alarm of this template, found `{named}`: no such alarm exists"
                    );
                    self.report(&composite.logical_id, "Properties.AlarmRule", rule);
                }
            }
        }
    }
}

/// Returns true when a text matches a policy pattern, given as JSON, in which `*` stands for any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let pattern = pattern.trim_matches('"');
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, rest)) => text.strip_prefix(begin).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches_pattern(rest, text)))
        }),
    }
}

/// Returns a property of a resource, or null if it is absent.
fn property<'r>(resource: &'r Resource, name: &str) -> &'r Value {
    resource.properties.get(name).unwrap_or(&Value::Null)
}

/// Returns true when a value, or any item of a list, passes a test.
fn any(value: &Value, test: impl Fn(&Value) -> bool) -> bool {
    test(value) || list(value).into_iter().any(test)
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

/// Returns the anchors that GitHub gives to a page's headings.
fn headings(page: &str) -> BTreeSet<String> {
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    page.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}
