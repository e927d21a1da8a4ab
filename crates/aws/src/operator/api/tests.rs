//! The client against a server that answers as AWS does.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::*;

/// An answer: status, headers, body.
type Answer = (u16, &'static [(&'static str, &'static str)], String);

struct Served {
    answers: Mutex<Vec<Answer>>,
    seen: Mutex<Vec<HeaderMap>>,
}

/// Starts a server that gives these answers, the last one repeatedly, and a client of it.
async fn serve(mut answers: Vec<Answer>) -> (Api, Arc<Served>) {
    answers.reverse();
    let served = Arc::new(Served { answers: Mutex::new(answers), seen: Mutex::default() });
    let handler = |State(served): State<Arc<Served>>, headers: HeaderMap| async move {
        served.seen.lock().unwrap().push(headers);
        let mut answers = served.answers.lock().unwrap();
        let (status, headers, body) = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(handler).with_state(Arc::clone(&served));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (client(&format!("http://{address}")).await, served)
}

async fn client(endpoint: &str) -> Api {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-north-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret-key", Some("token".to_owned()), None, "test"));
    Api::new(&config.load().await).await.unwrap()
}

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
    <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Anna</Arn><UserId>AIDA</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult>\n\
    <ResponseMetadata><RequestId>01234567</RequestId></ResponseMetadata></GetCallerIdentityResponse>";

#[tokio::test]
async fn calls_are_signed_for_service_and_region() {
    let (api, served) = serve(vec![(200, &[], IDENTITY.to_owned())]).await;
    let identity = api.read("sts", "GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!(identity["Account"], "123456789012");
    let seen = served.seen.lock().unwrap().remove(0);
    let authorization = seen["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(authorization.contains("/eu-north-1/sts/aws4_request"), "{authorization}");
    assert!(
        authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"),
        "{authorization}"
    );
    assert_eq!(seen["x-amz-security-token"], "token");
}

#[tokio::test]
async fn errors_keep_the_code_of_the_service() {
    let query = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
                 <Message>Stack with id x does not exist</Message></Error></ErrorResponse>";
    let ec2 =
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";
    let json = r#"{"__type":"com.amazonaws.kms#AccessDeniedException","Message":"no"}"#;
    for (name, service, operation, answer, code, message) in [
        (
            "query",
            "cloudformation",
            "DescribeStacks",
            (400, &[][..], query),
            "ValidationError",
            "Stack with id x does not exist",
        ),
        ("EC2", "ec2", "DescribeVpcEndpoints", (403, &[][..], ec2), "UnauthorizedOperation", "no"),
        ("JSON", "kms", "DescribeKey", (400, &[][..], json), "AccessDeniedException", "no"),
        (
            "REST",
            "lambda",
            "GetFunctionConfiguration",
            (
                404,
                &[("x-amzn-errortype", "ResourceNotFoundException:http://internal/")][..],
                r#"{"Message":"Function not found"}"#,
            ),
            "ResourceNotFoundException",
            "Function not found",
        ),
        ("no reason", "kms", "DescribeKey", (400, &[][..], "<html>"), "Unreadable", "status 400 without a reason"),
        (
            "cut",
            "kms",
            "DescribeKey",
            (200, &[][..], "{\"KeyM"),
            "Unreadable",
            "the answer to DescribeKey is not understood",
        ),
    ] {
        let (status, headers, body) = answer;
        let (api, served) = serve(vec![(status, headers, body.to_owned())]).await;
        let error = api.read(service, operation, &json!({ "FunctionName": "f" })).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{name}");
        assert_eq!(served.seen.lock().unwrap().len(), 1, "{name}: only what may pass is tried again");
    }
}

#[tokio::test]
async fn passing_errors_are_tried_twice() {
    let throttled = r#"{"__type":"ThrottlingException","message":"slower"}"#.to_owned();
    let rule = r#"{"State":"ENABLED"}"#.to_owned();
    let (api, _) = serve(vec![(400, &[], throttled.clone()), (200, &[], rule)]).await;
    assert_eq!(api.read("events", "DescribeRule", &json!({})).await.unwrap()["State"], "ENABLED");
    let (api, served) = serve(vec![(400, &[], throttled)]).await;
    assert_eq!(api.read("events", "DescribeRule", &json!({})).await.unwrap_err().code, "ThrottlingException");
    assert_eq!(served.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn oversized_answers_and_silence_are_errors() {
    let (api, _) = serve(vec![(200, &[], "x".repeat(MAX_ANSWER + 1))]).await;
    let error = api.read("events", "DescribeRule", &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "Unreadable: expected at most 8388608 bytes, found more");
    let error = client("http://127.0.0.1:9").await.read("kms", "DescribeKey", &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "Unreachable: no connection to http://127.0.0.1:9");
    assert!(!format!("{error:?}").contains("secret-key"));
}

#[tokio::test]
async fn clock_is_compared_with_that_of_aws() {
    let (api, _) = serve(vec![(200, &[("date", "Fri, 01 Jan 2100 00:00:00 GMT")], "{}".to_owned())]).await;
    assert_eq!(api.skew(), None);
    api.read("kms", "DescribeKey", &json!({})).await.unwrap();
    assert!(api.skew().unwrap() > SignedDuration::from_hours(24 * 365), "{:?}", api.skew());
}
