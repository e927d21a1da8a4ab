//! Tests of the admin endpoint.

use demo_platform::{Fault, Recorded};
use serde_json::{Value, json};

use crate::wire::{address, ask, ask_lines, get, platform};

#[tokio::test]
async fn faults_are_listed_activated_and_cleared() {
    let platform = platform().await;
    let admin = platform.admin_url();
    let list = get(admin, "/faults", &[]).await.json();
    assert_eq!(list["active"], json!([]));
    let known: Vec<_> = list["known"].as_array().unwrap().iter().map(|fault| &fault["name"]).collect();
    assert_eq!(json!(known), json!(Fault::ALL));
    assert!(list["known"].as_array().unwrap().iter().all(|fault| fault["description"].is_string()));

    for fault in Fault::ALL {
        let switched = ask(admin, "PUT", &format!("/faults/{fault}"), &["Content-Length: 0"]).await;
        assert_eq!(switched.status, 200);
        assert!(platform.faults().is_active(*fault), "{fault}");
    }
    assert_eq!(get(admin, "/faults", &[]).await.json()["active"], json!(Fault::ALL));

    let cleared = ask(admin, "DELETE", "/faults/down", &[]).await;
    assert_eq!((cleared.status, platform.faults().is_active(Fault::Down)), (200, false));
    assert!(platform.faults().is_active(Fault::Hang));
    assert_eq!(ask(admin, "DELETE", "/faults", &[]).await.json(), json!({"active": []}));
    assert!(platform.faults().active().is_empty());
}

#[tokio::test]
async fn an_unknown_fault_is_answered_with_the_known_ones() {
    let platform = platform().await;
    for method in ["PUT", "DELETE"] {
        let answer = ask(platform.admin_url(), method, "/faults/lightning", &["Content-Length: 0"]).await;
        assert_eq!(answer.status, 404);
        let body = answer.json();
        assert!(body["error"].as_str().unwrap().starts_with("failed to find the fault `lightning`"), "{body}");
        assert_eq!(body["known"], json!(Fault::ALL));
    }
    assert!(platform.faults().active().is_empty());
}

#[tokio::test]
async fn requests_are_recorded_with_synthetic_headers() {
    let platform = platform().await;
    let (base, admin) = (platform.base_url(), platform.admin_url());
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = format!("traceparent: {traceparent}");
    let sent = ["X-Synthetic-Run: run-1", &trace, "User-Agent: just-driving-synthetics/0.1.0"];
    get(base, "/login?from=mail", &sent).await;
    get(base, "/login", &[]).await;
    get(base, "/nothing", &[]).await;
    ask(base, "DELETE", "/health", &[]).await;

    let log = get(admin, "/requests", &[]).await.json();
    let counts = json!({"GET /login": 2, "GET (no route)": 1, "DELETE /health": 1});
    assert_eq!(log["counts"], counts);
    assert_eq!(json!(platform.requests().counts()), counts);
    let last: Vec<Recorded> = serde_json::from_value(log["last"].clone()).unwrap();
    assert_eq!(last, platform.requests().last());
    assert_eq!(last.iter().map(|request| request.status).collect::<Vec<_>>(), [200, 200, 404, 405].map(Some));
    let expected = Recorded {
        at: "2026-11-22T23:15:28.25Z".parse().unwrap(),
        method: "GET".to_owned(),
        path: "/login".to_owned(),
        status: Some(200),
        synthetic_run: Some("run-1".to_owned()),
        traceparent: Some(traceparent.to_owned()),
        user_agent: Some("just-driving-synthetics/0.1.0".to_owned()),
    };
    assert_eq!(last[0], expected);
    assert_eq!((last[2].path.as_str(), &last[1].synthetic_run), ("/nothing", &None));

    assert_eq!(ask(admin, "DELETE", "/requests", &[]).await.status, 204);
    assert_eq!(get(admin, "/requests", &[]).await.json(), json!({"counts": {}, "last": []}));
}

#[tokio::test]
async fn an_unknown_endpoint_lists_the_known_ones() {
    let platform = platform().await;
    let answer = get(platform.admin_url(), "/", &[]).await;
    assert_eq!(answer.status, 404);
    assert_ne!(answer.json()["error"], Value::Null);
}

#[tokio::test]
async fn other_sites_are_refused() {
    let platform = platform().await;
    let admin = platform.admin_url();
    let port = address(admin).rsplit_once(':').unwrap().1;
    let (own, named) = (format!("Host: {}", address(admin)), format!("Host: localhost:{port}"));
    let own_origin = format!("Origin: http://localhost:{port}");
    let put = "PUT /faults/down HTTP/1.1";
    for (case, first, headers, expected) in [
        ("by address", put, &[own.as_str()][..], 200),
        ("by name", put, &[&named], 200),
        ("by another name of this machine", put, &["Host: demo.localhost"], 200),
        ("own page", put, &[&named, &own_origin], 200),
        ("rebound name", put, &["Host: evil.example"], 421),
        ("rebound name with the port", put, &[&format!("Host: evil.example:{port}")], 421),
        ("name that begins as ours", put, &["Host: localhost.evil.example"], 421),
        ("no name", "PUT /faults/down HTTP/1.0", &[], 421),
        ("two names", put, &[&own, "Host: evil.example"], 421),
        ("name in the target", "PUT http://evil.example/faults/down HTTP/1.1", &[&own], 421),
        ("page of another site", put, &[&own, "Origin: https://evil.example"], 403),
        ("page of another server here", put, &[&own, "Origin: http://127.0.0.1:1"], 403),
        ("page without an origin", put, &[&own, "Origin: null"], 403),
        ("other reading", "GET /requests HTTP/1.1", &["Host: evil.example"], 421),
        ("nothing there", "GET /nothing HTTP/1.1", &["Host: evil.example"], 421),
    ] {
        platform.faults().clear_all();
        let headers: Vec<&str> = headers.iter().copied().chain(["Content-Length: 0"]).collect();
        let answer = ask_lines(admin, first, &headers).await;
        assert_eq!(answer.status, expected, "{case}");
        assert_eq!(platform.faults().is_active(Fault::Down), expected == 200, "{case}");
        if expected != 200 {
            assert!(answer.json()["error"].as_str().unwrap().starts_with("expected "), "{case}");
        }
    }
}
