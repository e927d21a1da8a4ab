//! Maintenance mode of a Laravel application.

use probe::{Maintenance, Standard};

/// Signs of `artisan down`: Laravel's page or JSON, with status 503 or that of `--status`.
///
/// The exact forms matter: a proxy without a reachable platform also responds with 503: `503 Service Temporarily
/// Unavailable` (nginx, AWS load balancers), `<title>503 Service Unavailable</title>` (Apache, HAProxy) or
/// `"message":"Service Unavailable"` (AWS API Gateway), without the space of Laravel's pretty printer.
pub(crate) fn maintenance() -> Maintenance {
    const TEXT: &str = "Service Unavailable";
    Maintenance { status: 503, markers: Vec::new(), standard: Some(Standard { title: TEXT, message: TEXT }) }
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
            ("the message of one of several", 200, r#"{"message": "Service Unavailable", "partner": "x"}"#, false),
            ("Laravel's JSON with --status=418", 418, "{\n    \"message\": \"Service Unavailable\"\n}", true),
            ("Laravel's JSON while debugging", 503, r#"{"message": "Service Unavailable", "exception": "x"}"#, true),
            ("a nested message", 503, r#"{"error": {"message": "Service Unavailable"}}"#, false),
            ("an error of the application", 500, "{\n    \"message\": \"Service Unavailable\"\n}", false),
            (
                "the title in a comment",
                404,
                "<!-- <title>Service Unavailable</title> --><title>Not Found</title>",
                false,
            ),
            ("the title in a script", 200, "<script>'<title>Service Unavailable</title>'</script>", false),
            ("the title of a picture", 200, "<svg><title>Service Unavailable</title></svg><title>x</title>", false),
            ("a title over several lines", 503, "<TITLE lang=en>\n Service\n Unavailable </TITLE>", true),
        ] {
            assert_eq!(maintenance().is_shown_by(&response(status, body)), expected, "{case}");
        }
    }
}
