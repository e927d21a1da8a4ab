//! The read operations of each service, and the form of their requests.
//!
//! Sources: the API reference of each service; "AWS query protocol", "AWS JSON 1.1 protocol" and "EC2 query protocol" in the
//! specification of Smithy.

use serde_json::{Map, Value};

/// Protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// A form in, XML out. Lists are numbered as `Name.member.1`.
    Query,
    /// The same for EC2, whose lists are numbered as `Name.1`.
    Ec2,
    /// JSON, with the operation in the header `X-Amz-Target`.
    Json,
    /// Lambda: a path for each operation, JSON out.
    Rest,
}

/// The operations of one service that [`super::Api`] may call. None of them changes anything.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    /// Name of the service in endpoints and signatures.
    pub service: &'static str,
    /// Name of the service in policies.
    pub policy_prefix: &'static str,
    /// Names of the operations.
    pub operations: &'static [&'static str],
    protocol: Protocol,
    /// Version of the API, of the query protocol; version of JSON otherwise.
    version: &'static str,
    /// Prefix of the header `X-Amz-Target`.
    target: &'static str,
}

/// Everything that [`super::Api`] may call.
pub const READS: [Reads; 13] = [
    query("cloudformation", "cloudformation", "2010-05-15", &["DescribeStacks", "ListStackResources"]),
    query("iam", "iam", "2010-05-08", &["SimulatePrincipalPolicy"]),
    Reads {
        policy_prefix: "cloudwatch",
        ..json("monitoring", "GraniteServiceVersion20100801", "1.0", &["DescribeAlarms", "GetMetricData"])
    },
    query(
        "sns",
        "sns",
        "2010-03-31",
        &["GetSMSAttributes", "GetSMSSandboxAccountStatus", "GetTopicAttributes", "ListSubscriptionsByTopic"],
    ),
    query("sts", "sts", "2011-06-15", &["GetCallerIdentity"]),
    Reads { protocol: Protocol::Ec2, ..query("ec2", "ec2", "2016-11-15", &["DescribeVpcEndpoints"]) },
    json("events", "AWSEvents", "1.1", &["DescribeRule"]),
    json("kms", "TrentService", "1.1", &["DescribeKey", "GetKeyPolicy"]),
    // A query changes nothing, but has a price.
    json("logs", "Logs_20140328", "1.1", &["DescribeLogGroups", "GetQueryResults", "StartQuery"]),
    json("secretsmanager", "secretsmanager", "1.1", &["DescribeSecret"]),
    json("sqs", "AmazonSQS", "1.0", &["GetQueueAttributes"]),
    json("ssm", "AmazonSSM", "1.1", &["DescribeParameters"]),
    Reads {
        protocol: Protocol::Rest,
        ..json("lambda", "", "", &["GetAccountSettings", "GetFunctionConcurrency", "GetFunctionConfiguration"])
    },
];

const fn query(
    service: &'static str,
    policy_prefix: &'static str,
    version: &'static str,
    operations: &'static [&'static str],
) -> Reads {
    Reads { service, policy_prefix, operations, protocol: Protocol::Query, version, target: "" }
}

const fn json(
    service: &'static str,
    target: &'static str,
    version: &'static str,
    operations: &'static [&'static str],
) -> Reads {
    Reads { service, policy_prefix: service, operations, protocol: Protocol::Json, version, target }
}

/// An unsigned request.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    /// True if the answer is XML.
    pub(super) is_xml: bool,
}

/// Builds the request of an operation from its input, as the AWS CLI takes it with `--cli-input-json`. `None`: the operation is
/// not one of [`READS`], or the input lacks the name of a function.
pub(super) fn request(service: &str, operation: &str, input: &Value) -> Option<Request> {
    let reads = READS.iter().find(|reads| reads.service == service && reads.operations.contains(&operation))?;
    let (mut method, mut path, mut headers) = ("POST", "/".to_owned(), Vec::new());
    let is_xml = matches!(reads.protocol, Protocol::Query | Protocol::Ec2);
    let body = match reads.protocol {
        Protocol::Query | Protocol::Ec2 => {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
            let mut pairs = vec![("Action".to_owned(), operation.to_owned())];
            pairs.push(("Version".to_owned(), reads.version.to_owned()));
            let member = if reads.protocol == Protocol::Query { ".member" } else { "" };
            flatten("", input, member, &mut pairs);
            let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
            pairs.collect::<Vec<_>>().join("&")
        }
        Protocol::Json => {
            headers.push(("content-type", format!("application/x-amz-json-{}", reads.version)));
            headers.push(("x-amz-target", format!("{}.{operation}", reads.target)));
            input.to_string()
        }
        Protocol::Rest => {
            method = "GET";
            let function = input["FunctionName"].as_str().map(encoded);
            path = match operation {
                "GetAccountSettings" => "/2016-08-19/account-settings/".to_owned(),
                "GetFunctionConcurrency" => format!("/2019-09-30/functions/{}/concurrency", function?),
                _ => format!("/2015-03-31/functions/{}/configuration", function?),
            };
            String::new()
        }
    };
    Some(Request { method, path, headers, body, is_xml })
}

/// Appends the fields of an input: `StackName`, `Filter.1.Value.1`.
fn flatten(name: &str, value: &Value, member: &str, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => flatten_fields(name, fields, member, pairs),
        Value::Array(items) => {
            for (item, number) in items.iter().zip(1..) {
                flatten(&format!("{name}{member}.{number}"), item, member, pairs);
            }
        }
        Value::String(text) => pairs.push((name.to_owned(), text.clone())),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => pairs.push((name.to_owned(), value.to_string())),
    }
}

fn flatten_fields(name: &str, fields: &Map<String, Value>, member: &str, pairs: &mut Vec<(String, String)>) {
    for (field, value) in fields {
        let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
        flatten(&name, value, member, pairs);
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, as signatures require.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Host of a service in a region, and the region of its signature. IAM is one service for all regions of a partition.
pub(super) fn host(service: &str, region: &str) -> (String, String) {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match (service, region) {
        ("iam", region) if region.starts_with("cn-") => (format!("iam.cn-north-1.{suffix}"), "cn-north-1".to_owned()),
        ("iam", region) if region.starts_with("us-gov-") => {
            (format!("iam.us-gov.{suffix}"), "us-gov-west-1".to_owned())
        }
        ("iam", _) => (format!("iam.{suffix}"), "us-east-1".to_owned()),
        (service, region) => (format!("{service}.{region}.{suffix}"), region.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation_only_reads() {
        let operations = READS.iter().flat_map(|reads| reads.operations);
        let changing: Vec<_> = operations
            .filter(|name| {
                !["Describe", "Get", "List", "Simulate", "StartQuery"].iter().any(|verb| name.starts_with(verb))
            })
            .collect();
        assert_eq!(changing, Vec::<&&str>::new());
        assert_eq!(request("lambda", "DeleteFunction", &json!({ "FunctionName": "x" })), None);
        assert_eq!(request("lambda", "GetFunctionConfiguration", &json!({})), None);
    }

    #[test]
    fn input_takes_the_form_of_the_protocol() {
        for (service, operation, input, method, path, body) in [
            (
                "cloudformation",
                "DescribeStacks",
                json!({ "StackName": "a b" }),
                "POST",
                "/",
                "Action=DescribeStacks&Version=2010-05-15&StackName=a%20b",
            ),
            (
                "iam",
                "SimulatePrincipalPolicy",
                json!({ "ActionNames": ["ssm:GetParameter"], "ResourceArns": ["x", "y"] }),
                "POST",
                "/",
                "Action=SimulatePrincipalPolicy&Version=2010-05-08&ActionNames.member.1=ssm%3AGetParameter&\
                 ResourceArns.member.1=x&ResourceArns.member.2=y",
            ),
            (
                "ec2",
                "DescribeVpcEndpoints",
                json!({ "Filter": [{ "Name": "vpc-id", "Value": ["vpc-1"] }] }),
                "POST",
                "/",
                "Action=DescribeVpcEndpoints&Version=2016-11-15&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1",
            ),
            ("events", "DescribeRule", json!({ "Name": "r" }), "POST", "/", r#"{"Name":"r"}"#),
            (
                "lambda",
                "GetFunctionConcurrency",
                json!({ "FunctionName": "../x" }),
                "GET",
                "/2019-09-30/functions/..%2Fx/concurrency",
                "",
            ),
        ] {
            let request = request(service, operation, &input).unwrap();
            assert_eq!((request.method, request.path.as_str(), request.body.as_str()), (method, path, body));
        }
        let target = request("kms", "DescribeKey", &json!({})).unwrap().headers;
        assert_eq!(target[1], ("x-amz-target", "TrentService.DescribeKey".to_owned()));
    }

    #[test]
    fn each_partition_has_its_hosts() {
        for (service, region, host_name, signed) in [
            ("sns", "eu-north-1", "sns.eu-north-1.amazonaws.com", "eu-north-1"),
            ("sns", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("iam", "eu-north-1", "iam.amazonaws.com", "us-east-1"),
            ("iam", "us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
            ("iam", "cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ] {
            assert_eq!(host(service, region), (host_name.to_owned(), signed.to_owned()), "{service} {region}");
        }
    }
}
