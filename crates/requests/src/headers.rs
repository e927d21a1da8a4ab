//! Tables of headers.

use std::collections::BTreeMap;

use http::HeaderName;
use settings::{RawReference, Section, check_header_name, is_credential_header};

/// Reports names of headers not to be sent.
pub(crate) fn check_names(
    section: &Section<'_>,
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, RawReference>,
) {
    for name in headers.keys().filter(|name| is_credential_header(name)) {
        let rule = "expected no credential (not shown); put a reference to it into secret_headers";
        section.table("headers").problem(name, rule);
    }
    let plain = headers.keys().map(|name| ("headers", name));
    for (table, name) in plain.chain(secret_headers.keys().map(|name| ("secret_headers", name))) {
        // Invalid names, and credentials, are reported where they are read.
        let is_read_elsewhere = HeaderName::try_from(name).is_err() || is_credential_header(name) && table == "headers";
        if !is_read_elsewhere {
            let section = section.table(table);
            section.parsed(name, check_header_name(name));
        }
    }
}

/// Reads a table of headers, and each value with `value`.
pub(crate) fn read_headers<V>(
    section: &Section<'_>,
    written: BTreeMap<String, String>,
    value: impl Fn(&str) -> Result<V, String>,
) -> Option<Vec<(HeaderName, V)>> {
    read_named_headers(section, written, |name, text| section.parsed(name, value(&text)))
}

pub(crate) fn read_named_headers<W, V>(
    section: &Section<'_>,
    written: BTreeMap<String, W>,
    value: impl Fn(&str, W) -> Option<V>,
) -> Option<Vec<(HeaderName, V)>> {
    let read: Vec<Option<(HeaderName, V)>> = written
        .into_iter()
        .map(|(name, text)| {
            let header = section.parsed(
                &name,
                HeaderName::try_from(&name).map_err(|_| format!("expected the name of a header, found `{name}`")),
            );
            let value = value(&name, text);
            Some((header?, value?))
        })
        .collect();
    read.into_iter().collect()
}
