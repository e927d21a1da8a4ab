//! Maintenance mode of a Laravel application.

use probe::Maintenance;

/// Signs of `artisan down`: status 503 with Laravel's page or JSON, or the page alone with `--status`.
///
/// The exact texts matter: a proxy without a reachable platform also responds with 503: `503 Service Temporarily
/// Unavailable` (nginx, AWS load balancers), `<title>503 Service Unavailable</title>` (Apache, HAProxy) or
/// `"message":"Service Unavailable"` (AWS API Gateway), without the space of Laravel's pretty printer.
pub(crate) fn maintenance() -> Maintenance {
    Maintenance {
        status: 503,
        markers: vec![
            "<title>Service Unavailable</title>".to_owned(),
            r#""message": "Service Unavailable""#.to_owned(),
        ],
        pages: vec!["<title>Service Unavailable</title>".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::response;

    #[test]
    fn artisan_down_is_distinguished_from_a_dead_upstream() {
        for (case, status, body, expected) in [
            ("Laravel's page", 503, "<html><head><title>Service Unavailable</title></head></html>", true),
            ("Laravel's JSON", 503, "{\n    \"message\": \"Service Unavailable\"\n}", true),
            ("nginx", 503, "<head><title>503 Service Temporarily Unavailable</title></head>", false),
            ("Apache", 503, "<head><title>503 Service Unavailable</title></head>", false),
            ("HAProxy", 503, "<html><body><h1>503 Service Unavailable</h1>", false),
            ("AWS API Gateway", 503, r#"{"message":"Service Unavailable"}"#, false),
            ("an empty 503", 503, "", false),
            ("Laravel's page with --status", 200, "<title>Service Unavailable</title>", true),
            ("Laravel's page with --status=418", 418, "<title>Service Unavailable</title>", true),
            ("the page of a gateway", 502, "<title>Service Unavailable</title>", false),
            ("the message of a healthy answer", 200, r#"{"cache": {"message": "Service Unavailable"}}"#, false),
        ] {
            assert_eq!(maintenance().is_shown_by(&response(status, body)), expected, "{case}");
        }
    }
}
