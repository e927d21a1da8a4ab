//! Detection of maintenance mode, as opposed to a broken platform.

use http::StatusCode;
use serde_json::Value;

use crate::{Response, html, json};

/// Signs of maintenance mode in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Status.
    pub status: u16,
    /// Texts of which the body must contain at least one, compared exactly; none by default.
    pub markers: Vec<String>,
    /// Answer of the platform's framework, unless the settings name other texts.
    pub standard: Option<Standard>,
}

/// Answer of a framework in maintenance mode. Its status may be any below 500 too: `artisan down --status` sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    /// Title of the page.
    pub title: &'static str,
    /// Value of the member `message` in JSON, as the framework's printer writes it, with a space after the colon.
    pub message: &'static str,
}

impl Maintenance {
    /// True when the response shows that the platform is in maintenance mode.
    #[must_use]
    pub fn is_shown_by(&self, response: &Response) -> bool {
        let status = response.status.as_u16();
        let is_usual = status == self.status;
        let body = response.text();
        (is_usual && self.markers.iter().any(|marker| body.contains(marker.as_str())))
            || self.standard.is_some_and(|standard| {
                (is_usual || status < 500)
                    && (html::title(&body).is_some_and(|title| title == standard.title)
                        || standard.is_message(response, &body, is_usual))
            })
    }

    /// True when an answer without a body may hide maintenance mode, by its status.
    #[must_use]
    pub fn may_have_status(&self, status: StatusCode) -> bool {
        status.as_u16() == self.status || (self.standard.is_some() && status.is_client_error())
    }
}

impl Standard {
    /// True for the framework's message at the top of a JSON body. With another status, it must stand alone: a healthy answer may
    /// quote it.
    fn is_message(self, response: &Response, body: &str, is_usual: bool) -> bool {
        // A gateway's JSON has no space.
        if !body.contains(&format!("\"message\": {}", Value::from(self.message))) {
            return false;
        }
        let Ok(Value::Object(members)) = json::read(&response.body) else { return false };
        members.get("message").is_some_and(|message| message == self.message) && (is_usual || members.len() == 1)
    }
}
