//! CloudWatch's API of alarm mute rules, which the emulator lacks. Answers follow the AWS documentation, error texts follow
//! reports of users. It was not compared with a real account: docs/operations/emulator.md.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::{Decoder, Encoder};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::{Value, json};

use crate::calls::lock;
use crate::emulator::REGION;

/// Rules per page, so few that lists need several pages.
const PAGE: usize = 2;

/// In-memory implementation of the API.
#[derive(Default)]
pub struct MuteRuleApi(Mutex<State>);

#[derive(Default)]
struct State {
    rules: BTreeMap<String, Value>,
    /// Calls that put or delete a rule, in order.
    writes: Vec<(String, Value)>,
    denied: Option<&'static str>,
    is_absent: bool,
}

impl MuteRuleApi {
    /// Takes the calls that put or deleted a rule since the last time: operation and input.
    pub fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut lock(&self.0).writes)
    }

    /// Returns the rules by name.
    pub fn rules(&self) -> BTreeMap<String, Value> {
        lock(&self.0).rules.clone()
    }

    /// Sets or removes a rule, as another operator would.
    pub fn set(&self, name: &str, rule: Option<Value>) {
        match rule {
            Some(rule) => lock(&self.0).rules.insert(name.to_owned(), rule),
            None => lock(&self.0).rules.remove(name),
        };
    }

    /// Denies this operation from now on, and no other.
    pub fn deny(&self, operation: Option<&'static str>) {
        lock(&self.0).denied = operation;
    }

    /// Forwards calls to the emulator, which rejects them as unknown.
    pub fn leave_to_the_emulator(&self) {
        lock(&self.0).is_absent = true;
    }

    /// Answers a call; `None` when it does not concern mute rules.
    pub fn answer(&self, operation: &str, body: &[u8]) -> Option<Response> {
        let mut state = lock(&self.0);
        if !operation.contains("AlarmMuteRule") || state.is_absent {
            return None;
        }
        if state.denied == Some(operation) {
            let text = format!(
                "User: arn:aws:iam::000000000000:user/anna is not authorized to perform: cloudwatch:{operation}"
            );
            return Some(refused("AccessDenied", &text));
        }
        let input = read(&mut Decoder::new(body));
        if ["PutAlarmMuteRule", "DeleteAlarmMuteRule"].contains(&operation) {
            state.writes.push((operation.to_owned(), input.clone()));
        }
        let name = input["Name"].as_str().or(input["AlarmMuteRuleName"].as_str()).unwrap_or_default().to_owned();
        Some(match operation {
            "PutAlarmMuteRule" => match validation_error(&input) {
                Some(text) => refused("ValidationError", text),
                None => {
                    state.rules.insert(name, input);
                    answered(&json!({}))
                }
            },
            // Deleting a missing rule succeeds, as AWS documents.
            "DeleteAlarmMuteRule" => {
                state.rules.remove(&name);
                answered(&json!({}))
            }
            "GetAlarmMuteRule" => match state.rules.get(&name) {
                Some(rule) => answered(rule),
                None => refused("ResourceNotFoundException", &format!("Alarm mute rule {name} does not exist")),
            },
            "ListAlarmMuteRules" => {
                let from: usize = input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
                let arn = |name: &String| format!("arn:aws:cloudwatch:{REGION}:000000000000:alarm-mute-rule:{name}");
                let page: Vec<Value> = state
                    .rules
                    .keys()
                    .skip(from)
                    .take(PAGE)
                    .map(|name| json!({ "AlarmMuteRuleArn": arn(name), "Status": "SCHEDULED" }))
                    .collect();
                let mut answer = json!({ "AlarmMuteRuleSummaries": page });
                if from + PAGE < state.rules.len() {
                    answer["NextToken"] = (from + PAGE).to_string().into();
                }
                answered(&answer)
            }
            other => panic!("unexpected call: {other}"),
        })
    }
}

/// Error text with which AWS would reject a rule.
fn validation_error(rule: &Value) -> Option<&'static str> {
    let text = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let length = |pointer: &str| text(pointer).chars().count();
    let alarms = rule.pointer("/MuteTargets/AlarmNames").and_then(Value::as_array).map_or(0, Vec::len);
    let expression = text("/Rule/Schedule/Expression");
    let once = expression.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')'));
    let is_once =
        once.is_some_and(|at| at.len() == 16 && jiff::civil::DateTime::strptime("%Y-%m-%dT%H:%M", at).is_ok());
    let cron = expression.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "*,-".contains(letter);
    let is_cron = cron
        .is_some_and(|cron| cron.split(' ').count() == 5 && cron.split(' ').all(|field| field.chars().all(allowed)));
    let duration = text("/Rule/Schedule/Duration").parse::<Span>().ok();
    let duration = duration.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let bounds = SignedDuration::from_mins(1)..=SignedDuration::from_hours(15 * 24);
    if !(1..=255).contains(&length("/Name")) {
        Some("1 validation error detected: Value at 'name' failed to satisfy constraint")
    } else if length("/Description") > 1024 {
        Some("1 validation error detected: Value at 'description' failed to satisfy constraint")
    } else if !is_once && !is_cron {
        Some("The Expression provided is not valid.")
    } else if duration.is_none_or(|duration| !bounds.contains(&duration)) {
        Some("The Duration provided is not valid.")
    } else if TimeZone::get(text("/Rule/Schedule/Timezone")).is_err() {
        Some("The Timezone provided is not valid.")
    } else if is_once && !(rule["StartDate"].is_null() && rule["ExpireDate"].is_null()) {
        Some("Can not set start or expire dates for At expressions")
    } else if alarms == 0 {
        // AWS accepts this and mutes every alarm of the account.
        Some("a rule without alarms would mute the whole account")
    } else if alarms > 100 {
        Some("1 validation error detected: Value at 'muteTargets.alarmNames' failed to satisfy constraint")
    } else {
        None
    }
}

fn answered(body: &Value) -> Response {
    respond(StatusCode::OK, body)
}

/// Error in the protocol of CloudWatch.
pub fn refused(code: &str, message: &str) -> Response {
    respond(StatusCode::BAD_REQUEST, &json!({ "__type": code, "message": message }))
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, body);
    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    (status, headers, encoder.into_writer()).into_response()
}

fn read(decoder: &mut Decoder<'_>) -> Value {
    let is_end = |decoder: &mut Decoder<'_>, left: &mut Option<u64>| match left {
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
        None if decoder.datatype().unwrap() == Type::Break => {
            decoder.skip().unwrap();
            true
        }
        None => false,
    };
    match decoder.datatype().unwrap() {
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map().unwrap();
            let mut members = serde_json::Map::new();
            while !is_end(decoder, &mut left) {
                let key = decoder.string().unwrap();
                members.insert(key, read(decoder));
            }
            Value::Object(members)
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.list().unwrap();
            let mut items = Vec::new();
            while !is_end(decoder, &mut left) {
                items.push(read(decoder));
            }
            Value::Array(items)
        }
        Type::String | Type::StringIndef => decoder.string().unwrap().into(),
        // The values of times and numbers do not matter here.
        other => {
            decoder.skip().unwrap();
            format!("{other:?}").into()
        }
    }
}

fn write(encoder: &mut Encoder, value: &Value) {
    match value {
        Value::Object(members) => {
            encoder.map(members.len());
            for (key, value) in members {
                encoder.str(key);
                write(encoder, value);
            }
        }
        Value::Array(items) => {
            encoder.array(items.len());
            items.iter().for_each(|item| write(encoder, item));
        }
        Value::String(text) => {
            encoder.str(text);
        }
        other => panic!("unexpected value in an answer: {other}"),
    }
}
