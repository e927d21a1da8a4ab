//! Cuts lists into pages, as Laravel's `paginate` does.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, HOST, LINK};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answers::laravel::set;
use crate::platform::Platform;

/// Cuts the list of an answer into pages, if the platform has them. The link to the next page has no parameter but the page's number:
/// Laravel leaves out the others.
pub(crate) async fn paginate(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let (Some(size), &Method::GET) = (platform.per_page, request.method()) else { return next.run(request).await };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let here = format!("http://{host}{}", request.uri().path());
    let query = request.uri().query().unwrap_or_default();
    let page = query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok()).unwrap_or(1_usize).max(1);
    let answer = next.run(request).await;
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let all = match serde_json::from_slice(&body) {
        Ok(Value::Array(all)) => Some((false, all)),
        Ok(Value::Object(mut members)) if members.len() == 1 => match members.remove("data") {
            Some(Value::Array(all)) => Some((true, all)),
            _ => None,
        },
        _ => None,
    };
    let Some((is_wrapped, all)) = all else { return Response::from_parts(head, Body::from(body)) };
    let last = all.len().div_ceil(size).max(1);
    let rows: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let link = (page < last).then(|| format!("{here}?page={}", page + 1));
    head.headers.remove(CONTENT_LENGTH);
    if is_wrapped {
        let meta = json!({ "current_page": page, "last_page": last, "per_page": size, "total": all.len() });
        let body = json!({ "data": rows, "links": { "next": link }, "meta": meta });
        return Response::from_parts(head, Body::from(body.to_string()));
    }
    let mut answer = Response::from_parts(head, Body::from(json!(rows).to_string()));
    if let Some(link) = link {
        set(&mut answer, LINK, &format!("<{link}>; rel=\"next\""));
    }
    answer
}
