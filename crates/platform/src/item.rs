//! One item in an answer, such as a booking or an invoice.

use check::{FailureKind, Mismatch};
use probe::Response;
use probe::expect::{Compare, json_exists, json_found, json_matches};
use serde_json::Value;
use settings::Pointer;

use crate::names::Platform;
use crate::statuses::{is_status, reported_status};
use crate::values::identity;

/// An item in an answer, below the platform's wrapper or at the top.
///
/// An item with a value below the wrapper has all of them there. The members next to the wrapper belong to an envelope:
/// in `{"status": "success", "data": {…}}`, the status is not the item's.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    response: &'a Response,
    wrapper: &'a str,
    is_wrapped: bool,
}

impl<'a> Item<'a> {
    /// Finds the item by some of the values that it should have.
    #[must_use]
    pub fn new(platform: &'a Platform, response: &'a Response, known: &[&Pointer]) -> Self {
        let wrapper = platform.wrapper.as_str();
        let is_below = |pointer: &&Pointer| json_exists(response, &format!("{wrapper}{}", pointer.as_str())).is_ok();
        Self { response, wrapper, is_wrapped: known.iter().any(is_below) }
    }

    /// Finds an item whose other values are unknown: below the wrapper, if there is an object with members.
    #[must_use]
    pub fn enclosed(platform: &'a Platform, response: &'a Response) -> Self {
        let wrapper = platform.wrapper.as_str();
        let has_members = |value: Value| value.as_object().is_some_and(|members| !members.is_empty());
        let is_wrapped = !wrapper.is_empty() && json_found(response, wrapper, "").is_ok_and(has_members);
        Self { response, wrapper, is_wrapped }
    }

    /// Returns the value at a pointer of the settings.
    ///
    /// # Errors
    /// Those of [`json_found`].
    pub fn value(&self, pointer: &Pointer) -> Result<Value, Mismatch> {
        let (pointer, wrapper) = self.place(pointer);
        json_found(self.response, &pointer, wrapper)
    }

    /// Expects a value at a pointer of the settings.
    ///
    /// # Errors
    /// Those of [`json_matches`].
    pub fn expect(&self, pointer: &Pointer, value: &Value) -> Result<(), Mismatch> {
        let (pointer, wrapper) = self.place(pointer);
        json_matches(self.response, &pointer, wrapper, value, Compare::Loose)
    }

    /// Expects a value that tells whose answer it is. Numbers may be written as strings.
    ///
    /// # Errors
    /// A mismatch of kind `invariant` for another value, of kind `assertion` for a missing or unreadable one.
    pub fn expect_identity(&self, pointer: &Pointer, value: &str) -> Result<(), Mismatch> {
        if identity(&self.value(pointer)?, pointer.as_str())? == value {
            return Ok(());
        }
        let kind = FailureKind::Invariant;
        self.expect(pointer, &Value::from(value)).map_err(|mismatch| Mismatch { kind, ..mismatch })
    }

    /// Expects this e-mail address like [`Item::expect_identity`], in any letter case.
    ///
    /// # Errors
    /// Those of [`Item::expect_identity`].
    pub fn expect_email(&self, pointer: &Pointer, email: &str) -> Result<(), Mismatch> {
        let found = identity(&self.value(pointer)?, pointer.as_str())?;
        if found.to_lowercase() == email.to_lowercase() { Ok(()) } else { self.expect_identity(pointer, email) }
    }

    /// Returns the status at a pointer of the settings, as text.
    ///
    /// # Errors
    /// Those of [`Item::value`], and of [`reported_status`].
    pub fn status(&self, pointer: &Pointer) -> Result<String, Mismatch> {
        reported_status(&self.value(pointer)?, pointer.as_str())
    }

    /// Expects a status of the settings at a pointer.
    ///
    /// # Errors
    /// A mismatch of kind `assertion` for another status or none.
    pub fn expect_status(&self, pointer: &Pointer, listed: &str) -> Result<(), Mismatch> {
        if is_status(listed, &self.status(pointer)?) {
            return Ok(());
        }
        let (pointer, wrapper) = self.place(pointer);
        json_matches(self.response, &pointer, wrapper, &Value::from(listed), Compare::Strict)
    }

    /// Returns a pointer, and the wrapper below which its value may be.
    fn place(&self, pointer: &Pointer) -> (String, &'a str) {
        match self.is_wrapped {
            true => (format!("{}{}", self.wrapper, pointer.as_str()), ""),
            false => (pointer.as_str().to_owned(), self.wrapper),
        }
    }
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;
    use crate::tests::response;

    fn pointer(text: &'static str) -> Pointer {
        Pointer::from_static(text)
    }

    #[test]
    fn status_is_expected_in_any_case_and_place() {
        let platform = Platform::default();
        for (body, held) in [
            (r#"{"data": {"id": 7, "status": "Confirmed"}}"#, true),
            (r#"{"id": 7, "status": "confirmed"}"#, true),
            (r#"{"status": "confirmed"}"#, true),
            (r#"{"status": "pending"}"#, false),
            (r#"{"status": null}"#, false),
            (r#"{"status": {"value": "confirmed"}}"#, false),
            ("{}", false),
            // Envelopes, and an item with a member like the wrapper.
            (r#"{"status": "success", "data": {"id": 7, "status": "confirmed"}}"#, true),
            (r#"{"status": "confirmed", "data": {"id": 7}}"#, false),
            (r#"{"status": "confirmed", "data": {"id": 7, "status": "pending"}}"#, false),
            (r#"{"id": 7, "status": "confirmed", "data": {"note": "x"}}"#, true),
            (r#"{"id": 7, "status": "confirmed", "data": null}"#, true),
        ] {
            let response = response(200, body);
            let item = Item::new(&platform, &response, &[&pointer("/id")]);
            assert_eq!(item.expect_status(&pointer("/status"), "confirmed").is_ok(), held, "{body}");
        }
    }

    #[test]
    fn value_of_an_envelope_is_not_the_items() {
        let platform = Platform::default();
        let response = response(200, r#"{"status": "success", "id": "request-1", "data": {"total": 5}}"#);
        let item = Item::new(&platform, &response, &[&pointer("/id"), &pointer("/total")]);
        for name in ["/status", "/id"] {
            let missing = item.value(&pointer(name)).unwrap_err();
            let said = [missing.expected, missing.actual].map(|text| text.admit(&NoSecrets, 200).to_string());
            assert_eq!(said, [format!("a value at /data{name}"), "no value".to_owned()]);
        }
        assert_eq!(item.expect(&pointer("/total"), &json!("5")), Ok(()));
        assert!(item.expect(&pointer("/total"), &json!(6)).is_err());
    }

    #[test]
    fn id_of_an_envelope_identifies_nobody() {
        let platform = Platform::default();
        let (id, email) = (pointer("/id"), pointer("/email"));
        for (body, by_values, enclosed) in [
            (r#"{"data": {"id": 7, "email": "A@b.example"}}"#, Ok(()), Ok(())),
            (r#"{"id": "7", "email": "a@b.example"}"#, Ok(()), Ok(())),
            (r#"{"id": 7, "email": "a@b.example", "data": null}"#, Ok(()), Ok(())),
            (r#"{"id": 7, "email": "a@b.example", "data": {}}"#, Ok(()), Ok(())),
            (r#"{"id": "request-1", "data": {"id": 7, "email": "a@b.example"}}"#, Ok(()), Ok(())),
            (
                r#"{"id": 7, "data": {"email": "a@b.example"}}"#,
                Err(FailureKind::Assertion),
                Err(FailureKind::Assertion),
            ),
            (
                r#"{"id": 7, "data": {"id": 9, "email": "a@b.example"}}"#,
                Err(FailureKind::Invariant),
                Err(FailureKind::Invariant),
            ),
            // A user with a member like the wrapper, which may as well be one in an envelope.
            (r#"{"id": 7, "email": "a@b.example", "data": {"language": "da"}}"#, Ok(()), Err(FailureKind::Assertion)),
        ] {
            let response = response(200, body);
            let judge = |item: Item<'_>| {
                let judged = item.expect_identity(&id, "7").and_then(|()| item.expect_email(&email, "a@B.example"));
                judged.map_err(|mismatch| mismatch.kind)
            };
            assert_eq!(judge(Item::new(&platform, &response, &[&id, &email])), by_values, "{body}");
            assert_eq!(judge(Item::enclosed(&platform, &response)), enclosed, "{body}");
        }
    }
}
