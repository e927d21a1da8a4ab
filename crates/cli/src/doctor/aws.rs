//! The rules on alarms on what AWS itself counts: the metric is one that it publishes, with its dimensions, and can be passed.

use std::ops::RangeInclusive;

use alarm::MetricAlarm;

use super::audit::Findings;
use super::numbers::{AT_LEAST_NOTHING, SHARE, YES_OR_NO};

/// One metric of AWS, as its documentation has it.
struct Known {
    namespace: &'static str,
    name: &'static str,
    /// Sets of dimensions that it is published with, as far as ours ask for them, in the order of their names.
    dimensions: &'static [&'static [&'static str]],
    values: RangeInclusive<f64>,
}

const LOAD_BALANCER: &[&[&str]] = &[&["LoadBalancer"], &["LoadBalancer", "TargetGroup"]];
const TARGET_GROUP: &[&[&str]] = &[&["LoadBalancer", "TargetGroup"]];
const DATABASE: &[&[&str]] = &[&["DBInstanceIdentifier"]];
const CACHE: &[&[&str]] = &[&["CacheClusterId"], &["CacheClusterId", "CacheNodeId"]];
const SERVER: &[&[&str]] = &[&["InstanceId"]];
/// As docs/operations.md has the CloudWatch agent aggregate.
const AGENT: &[&[&str]] = SERVER;

/// Sources: the user guides of each service, "CloudWatch metrics"; of CloudWatch, "Metrics collected by the CloudWatch agent".
const KNOWN: [Known; 15] = [
    aws_metric("AWS/SQS", "NumberOfMessagesSent", &[&["QueueName"]], AT_LEAST_NOTHING),
    aws_metric("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", &[&["LoadBalancer"]], AT_LEAST_NOTHING),
    aws_metric("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", LOAD_BALANCER, AT_LEAST_NOTHING),
    aws_metric("AWS/ApplicationELB", "TargetResponseTime", LOAD_BALANCER, AT_LEAST_NOTHING),
    aws_metric("AWS/ApplicationELB", "UnHealthyHostCount", TARGET_GROUP, AT_LEAST_NOTHING),
    aws_metric("AWS/RDS", "CPUUtilization", DATABASE, SHARE),
    aws_metric("AWS/RDS", "FreeStorageSpace", DATABASE, AT_LEAST_NOTHING),
    aws_metric("AWS/RDS", "FreeableMemory", DATABASE, AT_LEAST_NOTHING),
    aws_metric("AWS/ElastiCache", "EngineCPUUtilization", CACHE, SHARE),
    aws_metric("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", CACHE, SHARE),
    aws_metric("AWS/ElastiCache", "Evictions", CACHE, AT_LEAST_NOTHING),
    aws_metric("AWS/EC2", "StatusCheckFailed", SERVER, YES_OR_NO),
    aws_metric("AWS/EC2", "CPUUtilization", SERVER, SHARE),
    aws_metric("CWAgent", "mem_used_percent", AGENT, SHARE),
    aws_metric("CWAgent", "disk_used_percent", AGENT, SHARE),
];

const fn aws_metric(
    namespace: &'static str,
    name: &'static str,
    dimensions: &'static [&'static [&'static str]],
    values: RangeInclusive<f64>,
) -> Known {
    Known { namespace, name, dimensions, values }
}

impl Findings<'_> {
    /// Each metric that is not ours is one of those that are known here.
    pub(super) fn check_aws_metric(&mut self, alarm: &MetricAlarm) {
        let asked = alarm.source.metrics().map(|(metric, _)| metric);
        for metric in asked.filter(|metric| !metric.namespace.starts_with(super::OURS)) {
            let known = KNOWN.iter().find(|known| known.namespace == metric.namespace && known.name == metric.name);
            let Some(known) = known else {
                let rule = format!(
                    "expected a metric that is known to be published, found {}/{}: a new one is added to {} first",
                    metric.namespace,
                    metric.name,
                    file!()
                );
                self.report(&alarm.logical_id, "Properties.MetricName", rule);
                continue;
            };
            let names: Vec<&str> = metric.dimensions.keys().map(String::as_str).collect();
            if !known.dimensions.contains(&&names[..]) {
                let sets: Vec<String> = known.dimensions.iter().map(|names| names.join(", ")).collect();
                let rule = format!(
                    "expected exactly {}, found {}: no such metric is known here",
                    sets.join(" or "),
                    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                );
                self.report(&alarm.logical_id, "Properties.Dimensions", rule);
            }
            self.threshold(alarm, &known.values);
        }
    }
}
