//! Detection of maintenance mode, as opposed to a broken platform.

use crate::Response;

/// Signs of maintenance mode in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Status.
    pub status: u16,
    /// Texts of which the body must contain at least one, compared exactly.
    pub markers: Vec<String>,
}

/// True when the response shows that the platform is in maintenance mode.
#[must_use]
pub fn is_maintenance(response: &Response, maintenance: &Maintenance) -> bool {
    response.status.as_u16() == maintenance.status && {
        let body = response.text();
        maintenance.markers.iter().any(|marker| body.contains(marker.as_str()))
    }
}
