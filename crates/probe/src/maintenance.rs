//! Detection of maintenance mode, as opposed to a broken platform.

use crate::Response;

/// Signs of maintenance mode in a response. The default recognises Laravel's `artisan down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Status.
    pub status: u16,
    /// Texts of which the body must contain at least one, compared exactly.
    pub markers: Vec<String>,
}

impl Default for Maintenance {
    /// Status 503 with Laravel's page or JSON.
    ///
    /// The exact texts matter: a proxy without a reachable platform also responds with 503: `503 Service Temporarily
    /// Unavailable` (nginx, AWS load balancers), `<title>503 Service Unavailable</title>` (Apache, HAProxy) or
    /// `"message":"Service Unavailable"` (AWS API Gateway), without the space of Laravel's pretty printer.
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

/// True when the response shows that the platform is in maintenance mode.
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
    fn artisan_down_is_distinguished_from_a_dead_upstream() {
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
