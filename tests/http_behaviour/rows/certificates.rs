//! Certificates.

use hostile::{Authority, Limit, Oddity, OwnSigned, ok, own_signed, self_signed, self_signed_unnamed};
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
    let expired = authority.intermediate("Expired Intermediate", (2020, 2021));
    let limited = authority.limited("Without Another Intermediate", Limit::PathLength);
    let below = limited.intermediate("Below It", YEARS);
    let of_names = authority.limited("For Other Names", Limit::Names);
    let chain = |authorities: &[&Authority]| {
        let certificates: Vec<_> = authorities.iter().map(|authority| authority.certificate.clone()).collect();
        authorities[0].server_with_chain(HOST, YEARS, &certificates)
    };
    let odd = |oddity| authority.server_odd(HOST, oddity).0;
    let row = |answer: &'static str, config: ServerConfig| Row::new(answer, Ask::Body, |_| ok()).over(config);
    vec![
        row("a valid certificate", authority.server(HOST, YEARS, &[])),
        row("a valid certificate for any host of the site", authority.server("*.shop.example", YEARS, &[])),
        row("a common name only, without an alternative name", authority.server_named(HOST, &[])),
        row("another host", authority.server(STRANGER, YEARS, &[])),
        row("an address as address", authority.server(ADDRESS, YEARS, &[])).at(ADDRESS),
        row("an address as name", authority.server_named(ADDRESS, &[ADDRESS])).at(ADDRESS),
        row("an e-mail address and a URI as names", odd(Oddity::OtherNames)),
        row("self-signed", self_signed(HOST)),
        row("self-signed, with an empty subject", self_signed_unnamed(HOST)),
        row(
            "self-signed as an authority (`openssl req -x509`)",
            own_signed(OwnSigned::AnotherAuthority, HOST, (2999, 1, 1)).0,
        ),
        row("self-signed, and trusted", own),
        row("self-signed as an authority, and trusted (`openssl req -x509`)", own_authority),
        row("one of an authority (`CA:TRUE`), signed by a trusted one", odd(Oddity::Authority)).because(
            "people who have the key of this server can sign certificates for any host; Firefox refuses it too",
        ),
        row("an unknown authority", unknown.server(HOST, YEARS, &[])),
        row("a missing intermediate certificate", intermediate.server(HOST, YEARS, &[])),
        row("expired in 2021", authority.server(HOST, (2020, 2021), &[])),
        row("an intermediate certificate that expired in 2021", chain(&[&expired])),
        row("valid from 2998", authority.server(HOST, (2998, 2999), &[])),
        row("without an end: valid until 9999-12-31", authority.server_until(HOST, (9999, 12, 31))),
        row("only for clients", odd(Oddity::ForClients)),
        row("an unknown critical extension", odd(Oddity::CriticalExtension)),
        row("more intermediates than the path length allows", chain(&[&below, &limited])),
        row("a host outside the name constraints of the intermediate", chain(&[&of_names])),
    ]
}
