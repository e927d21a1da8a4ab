//! Answers for the tests of this crate.

use probe::{Bytes, HeaderMap, Limits, Redactor, Response, StatusCode};

pub(crate) fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter(
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())),
        ),
        body: Bytes::new(),
        url: "https://app.example/api/me".parse().unwrap(),
        version: probe::Version::HTTP_11,
        certificate_expires: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        redactor: Redactor::default(),
        limits: Limits::default(),
    }
}

pub(crate) fn response(status: u16, body: &'static str) -> Response {
    Response { body: Bytes::from_static(body.as_bytes()), ..answer(status, &[]) }
}
