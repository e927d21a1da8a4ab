//! Detection of maintenance mode, as opposed to a broken platform.

use http::StatusCode;

use crate::Response;

/// Signs of maintenance mode in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Status.
    pub status: u16,
    /// Texts of which the body must contain at least one, compared exactly.
    pub markers: Vec<String>,
    /// Texts that are a sign with any status below 500, since `artisan down --status` can set any.
    pub pages: Vec<String>,
}

impl Maintenance {
    /// True when the response shows that the platform is in maintenance mode.
    #[must_use]
    pub fn is_shown_by(&self, response: &Response) -> bool {
        let texts = match response.status.as_u16() {
            status if status == self.status => &self.markers,
            ..500 => &self.pages,
            _ => return false,
        };
        let body = response.text();
        texts.iter().any(|text| body.contains(text.as_str()))
    }

    /// True when an answer with this status and without the page may hide maintenance mode.
    #[must_use]
    pub fn may_be_behind(&self, status: StatusCode) -> bool {
        status.is_redirection() || status.as_u16() == self.status
    }
}
