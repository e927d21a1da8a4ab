//! Certificates.

use hostile::{Authority, ok, self_signed};
use rustls::ServerConfig;

use super::YEARS;
use crate::row::{ADDRESS, Ask, HOST, Row, STRANGER};

/// Text below the table.
pub const NOTE: &str = "\
All clients trust one authority, and the two certificates of a server that their rows call trusted: in `synthetics` by
`network.ca_certificates`, in curl by `--cacert`, in Chromium by the user's list of authorities.
";

pub fn rows(authority: &Authority, [own, own_authority]: [ServerConfig; 2]) -> Vec<Row> {
    let unknown = Authority::generate().intermediate("Unknown Authority", YEARS);
    let intermediate = authority.intermediate("Shop Intermediate", YEARS);
    let row = |answer: &'static str, config: ServerConfig| Row::new(answer, Ask::Body, |_| ok()).over(config);
    vec![
        row("a valid certificate", authority.server(HOST, YEARS, &[])),
        row("a valid certificate for any host of the site", authority.server("*.shop.example", YEARS, &[])),
        row("a common name only, without an alternative name", authority.server_named(HOST, &[])),
        row("another host", authority.server(STRANGER, YEARS, &[])),
        row("an address as address", authority.server(ADDRESS, YEARS, &[])).at(ADDRESS),
        row("an address as name", authority.server_named(ADDRESS, &[ADDRESS])).at(ADDRESS),
        row("self-signed", self_signed(HOST)),
        row("self-signed, and trusted", own),
        row("self-signed as an authority, and trusted (`openssl req -x509`)", own_authority),
        row("an unknown authority", unknown.server(HOST, YEARS, &[])),
        row("a missing intermediate certificate", intermediate.server(HOST, YEARS, &[])),
        row("expired in 2021", authority.server(HOST, (2020, 2021), &[])),
        row("valid from 2998", authority.server(HOST, (2998, 2999), &[])),
        row("without an end: valid until 9999-12-31", authority.server_until(HOST, (9999, 12, 31))),
    ]
}
