//! Audit rules for alarms on metrics that AWS publishes: known metric, known dimensions, reachable threshold.

use std::ops::RangeInclusive;

use alarm::Numbers;

use super::findings::{Findings, OWN_NAMESPACES};
use super::numbers::{NON_NEGATIVE, PERCENT, ZERO_TO_ONE};

/// A metric of AWS, according to its documentation.
struct Known {
    namespace: &'static str,
    name: &'static str,
    /// Sets of dimensions that AWS publishes it with, in alphabetical order.
    dimensions: &'static [&'static [&'static str]],
    values: RangeInclusive<f64>,
}

const LOAD_BALANCER: &[&[&str]] = &[
    &["LoadBalancer"],
    &["AvailabilityZone", "LoadBalancer"],
    &["LoadBalancer", "TargetGroup"],
    &["AvailabilityZone", "LoadBalancer", "TargetGroup"],
];
const BALANCER_ALONE: &[&[&str]] = &[&["LoadBalancer"], &["AvailabilityZone", "LoadBalancer"]];
const TARGET_GROUP: &[&[&str]] =
    &[&["LoadBalancer", "TargetGroup"], &["AvailabilityZone", "LoadBalancer", "TargetGroup"]];
const DATABASE: &[&[&str]] = &[&["DBInstanceIdentifier"], &["DBClusterIdentifier"], &["DBClusterIdentifier", "Role"]];
const CACHE: &[&[&str]] = &[&["CacheClusterId"], &["CacheClusterId", "CacheNodeId"]];
const SERVER: &[&[&str]] = &[&["InstanceId"]];
/// The CloudWatch agent aggregates by these dimensions, if configured according to docs/deploy/aws-alarms.md.
const AGENT: &[&[&str]] = SERVER;

/// Sources: "CloudWatch metrics" in the user guide of each service; "Metrics collected by the CloudWatch agent" in that
/// of CloudWatch.
const KNOWN: [Known; 17] = [
    aws_metric("AWS/SQS", "NumberOfMessagesSent", &[&["QueueName"]], NON_NEGATIVE),
    aws_metric("AWS/SNS", "NumberOfNotificationsFailed", &[&["TopicName"]], NON_NEGATIVE),
    aws_metric("AWS/SNS", "SMSMonthToDateSpentUSD", &[&[]], NON_NEGATIVE),
    aws_metric("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", BALANCER_ALONE, NON_NEGATIVE),
    aws_metric("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", LOAD_BALANCER, NON_NEGATIVE),
    aws_metric("AWS/ApplicationELB", "TargetResponseTime", LOAD_BALANCER, NON_NEGATIVE),
    aws_metric("AWS/ApplicationELB", "UnHealthyHostCount", TARGET_GROUP, NON_NEGATIVE),
    aws_metric("AWS/RDS", "CPUUtilization", DATABASE, PERCENT),
    aws_metric("AWS/RDS", "FreeStorageSpace", DATABASE, NON_NEGATIVE),
    aws_metric("AWS/RDS", "FreeableMemory", DATABASE, NON_NEGATIVE),
    aws_metric("AWS/ElastiCache", "EngineCPUUtilization", CACHE, PERCENT),
    aws_metric("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", CACHE, PERCENT),
    aws_metric("AWS/ElastiCache", "Evictions", CACHE, NON_NEGATIVE),
    aws_metric("AWS/EC2", "StatusCheckFailed", SERVER, ZERO_TO_ONE),
    aws_metric("AWS/EC2", "CPUUtilization", SERVER, PERCENT),
    aws_metric("CWAgent", "mem_used_percent", AGENT, PERCENT),
    aws_metric("CWAgent", "disk_used_percent", AGENT, PERCENT),
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
    /// Each known metric outside this project's namespaces must have a known set of dimensions. Others are not judged: AWS and
    /// its agents publish thousands.
    pub(super) fn audit_aws_metrics(&mut self, id: &str, numbers: &Numbers) {
        let metrics = numbers.metrics.iter().map(|watched| &watched.metric);
        for metric in metrics.filter(|metric| !metric.namespace.starts_with(OWN_NAMESPACES)) {
            let known = KNOWN.iter().find(|known| known.namespace == metric.namespace && known.name == metric.name);
            let Some(known) = known else {
                let rule = format!(
                    "not judged: {}/{} is not known here: check its name, its dimensions and the threshold yourself",
                    metric.namespace, metric.name
                );
                self.note(id, "Properties.MetricName", rule);
                continue;
            };
            let names: Vec<&str> = metric.dimensions.keys().map(String::as_str).collect();
            if !known.dimensions.contains(&&names[..]) {
                let sets: Vec<String> = known.dimensions.iter().map(|names| names.join(" + ")).collect();
                let rule = format!(
                    "expected the dimensions {}, found {}: this program knows no such metric",
                    sets.join(" or "),
                    if names.is_empty() { "none".to_owned() } else { names.join(" + ") }
                );
                self.report(id, "Properties.Dimensions", rule);
            }
            self.audit_threshold(id, numbers, &known.values);
        }
    }
}
