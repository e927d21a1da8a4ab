//! Telling a platform that was taken down on purpose from one that is broken.

use crate::Response;

/// How an answer looks while the platform is in maintenance. The default recognises Laravel's `artisan down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// The status.
    pub status: u16,
    /// Texts of which the body holds at least one, byte by byte.
    pub markers: Vec<String>,
}

impl Default for Maintenance {
    /// 503 with Laravel's own page or JSON.
    ///
    /// The exact texts matter: a proxy that finds no platform behind it answers 503 too, with `503 Service Temporarily
    /// Unavailable` (nginx, AWS load balancers), `<title>503 Service Unavailable</title>` (Apache, HAProxy) or, from
    /// AWS API Gateway, `"message":"Service Unavailable"` without the space that Laravel's pretty printer sets.
    fn default() -> Self {
        Self {
            status: 503,
            markers: vec![
                "<title>Service Unavailable</title>".to_owned(),
                r#""message": "Service Unavailable""#.to_owned(),
            ],
        }
    }
}

/// Whether this answer says that the platform is in maintenance.
#[must_use]
pub fn is_maintenance(response: &Response, maintenance: &Maintenance) -> bool {
    response.status.as_u16() == maintenance.status && {
        let body = response.text();
        maintenance.markers.iter().any(|marker| body.contains(marker.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::tests::response;

    #[test]
    fn tells_artisan_down_from_a_dead_upstream() {
        for (case, status, body, maintenance) in [
            ("Laravel's page", 503, "<html><head><title>Service Unavailable</title></head></html>", true),
            ("Laravel's JSON", 503, "{\n    \"message\": \"Service Unavailable\"\n}", true),
            ("nginx", 503, "<head><title>503 Service Temporarily Unavailable</title></head>", false),
            ("Apache", 503, "<head><title>503 Service Unavailable</title></head>", false),
            ("HAProxy", 503, "<html><body><h1>503 Service Unavailable</h1>", false),
            ("AWS API Gateway", 503, r#"{"message":"Service Unavailable"}"#, false),
            ("an empty 503", 503, "", false),
            ("the text with another status", 200, "<title>Service Unavailable</title>", false),
        ] {
            assert_eq!(is_maintenance(&response(status, body), &Maintenance::default()), maintenance, "{case}");
        }
    }
}
