//! Evidence from TLS handshakes, also from failed ones.

use std::time::Duration;

use check::FailureKind::Tls as TlsKind;

use crate::server::*;

const YEARS: (i32, i32) = (2020, 2999);

type Versions = &'static [&'static rustls::SupportedProtocolVersion];

/// TLS versions, their names, and the cipher that both sides prefer.
const VERSIONS: [(Versions, &str, &str); 2] = [
    (&[&rustls::version::TLS13], "TLS 1.3", "TLS13_AES_256_GCM_SHA384"),
    (&[&rustls::version::TLS12], "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
];

#[test]
fn expired_authorities_are_known() {
    let (_, expired) = own_signed(OwnSigned::Authority, "a.test", (2021, 2, 3));
    let pem = expired + &Authority::generate().pem;
    let tls = probe::Tls::new(&probe::Tls::certificates(&pem).unwrap()).unwrap();
    for (now, expected) in [("2021-02-02T00:00:00Z", 0), ("2022-01-01T00:00:00Z", 1)] {
        let found = tls.expired(now.parse().unwrap());
        assert_eq!(found.len(), expected, "{now}: {found:?}");
        for (name, expires) in found {
            assert_eq!(name.admit(&check::NoSecrets, 100), "Authority");
            assert_eq!(expires.to_string(), "2021-02-03T00:00:00Z");
        }
    }
}

#[tokio::test]
async fn version_cipher_and_chain_are_recorded() {
    let authority = Authority::generate();
    for (versions, version, cipher) in VERSIONS {
        let config = authority.server_with("a.test", YEARS, &[], versions);
        let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
        let sent = client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await;
        sent.result.unwrap();
        let tls = sent.exchanges[0].tls.clone().unwrap();
        assert_eq!((tls.version.as_deref(), tls.cipher.as_deref()), (Some(version), Some(cipher)));
        assert_eq!(tls.chain.len(), 1, "{tls:?}");
        assert_eq!(tls.chain[0].issuer, authority.name);
        assert_eq!(tls.chain[0].expires.to_string(), "2999-01-01T00:00:00Z");
    }
}

#[tokio::test]
async fn rejected_handshake_records_version_cipher_and_chain() {
    let authority = Authority::generate();
    let stranger = Authority::generate();
    for (versions, version, cipher) in VERSIONS {
        for (case, config) in [
            ("expired", authority.server_with("a.test", (2019, 2020), &[], versions)),
            ("another host", authority.server_with("b.test", YEARS, &[], versions)),
            ("an unknown authority", stranger.server_with("a.test", YEARS, &[], versions)),
        ] {
            let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
            let sent = client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await;
            assert_eq!(sent.result.unwrap_err().kind(), Some(TlsKind), "{version}, {case}");
            let tls = sent.exchanges[0].tls.clone().unwrap();
            let negotiated = (tls.version.as_deref(), tls.cipher.as_deref());
            assert_eq!(negotiated, (Some(version), Some(cipher)), "{version}, {case}");
            assert_eq!(tls.chain.len(), 1, "{version}, {case}: {tls:?}");
        }
    }
}

#[tokio::test]
async fn earliest_expiry_in_the_chain_counts() {
    let authority = Authority::generate();
    let intermediate = authority.intermediate("Intermediate", (2020, 2031));
    // Many servers also send an old cross-signed certificate, which has no effect.
    let unused = Authority::generate().intermediate("Of old", (2020, 2021));
    let chain = [&intermediate.certificate, &unused.certificate].map(Clone::clone);
    let config = intermediate.server_with_chain("a.test", YEARS, &chain);
    let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
    let sent = client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await;
    let expires = sent.result.unwrap().certificate_expires.unwrap();
    assert_eq!(expires.to_string(), "2031-01-01T00:00:00Z");
    assert_eq!(sent.exchanges[0].certificate_expires, Some(expires));
    let chain = &sent.exchanges[0].tls.as_ref().unwrap().chain;
    let subjects: Vec<&str> = chain.iter().map(|certificate| certificate.subject.as_str()).collect();
    assert_eq!(subjects[1..], ["Intermediate", "Of old"]);
    assert_eq!(chain[1].issuer, authority.name);
}

#[tokio::test]
async fn renewed_intermediate_counts_instead_of_the_old_one() {
    let authority = Authority::generate();
    let intermediate = authority.intermediate("Intermediate", (2020, 2021));
    let renewed = authority.renewed(&intermediate, (2020, 2031));
    let later = authority.renewed(&intermediate, (2998, 2999));
    for chain in [[0, 1, 2], [2, 1, 0]] {
        let chain = chain.map(|index| [&intermediate.certificate, &renewed, &later][index].clone());
        let server =
            Server::tls(intermediate.server_with_chain("a.test", YEARS, &chain), Duration::ZERO, |_| ok()).await;
        let sent = client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await;
        let expires = sent.result.unwrap().certificate_expires.unwrap();
        assert_eq!(expires.to_string(), "2031-01-01T00:00:00Z");
    }
}

#[tokio::test]
async fn untrusted_chain_is_explained() {
    let authority = Authority::generate();
    let intermediate = authority.intermediate("Intermediate", YEARS);
    let stranger = Authority::generate();
    let strange = stranger.intermediate("Strange", YEARS);
    let unlinked = |certificate: &Authority| {
        intermediate.server_with_chain("a.test", YEARS, std::slice::from_ref(&certificate.certificate))
    };
    let without = "a chain without the certificate of Intermediate, which signed the server's";
    for (case, config, expected) in [
        (
            "without its intermediate",
            intermediate.server("a.test", YEARS, &[]),
            "a certificate without a chain, signed by Intermediate, no trusted authority".to_owned(),
        ),
        ("self-signed", self_signed("a.test"), "a self-signed certificate for a.test, which is not in".to_owned()),
        (
            "self-signed without a subject",
            hostile::self_signed_unnamed("a.test"),
            "a self-signed certificate for (empty), which is not in `network.ca_certificates`".to_owned(),
        ),
        (
            "a chain that stops before its authority",
            strange.server_with_chain("a.test", YEARS, std::slice::from_ref(&strange.certificate)),
            format!("a chain without the certificate of {}, which signed that of Strange: a missing", stranger.name),
        ),
        (
            "a chain to an unknown authority",
            strange.server_with_chain("a.test", YEARS, &[strange.certificate.clone(), stranger.certificate.clone()]),
            format!("a chain of certificates that ends at {}, an unknown authority", stranger.name),
        ),
        ("the trusted root instead of the intermediate", unlinked(&authority), without.to_owned()),
        ("another intermediate of the trusted root", unlinked(&authority.intermediate("B", YEARS)), without.to_owned()),
        ("an intermediate of another root", unlinked(&strange), without.to_owned()),
        (
            "a certificate of an authority by an unknown one",
            stranger.server_odd("a.test", hostile::Oddity::Authority).0,
            format!("a certificate by {}, no trusted authority, and itself one of an authority", stranger.name),
        ),
    ] {
        let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
        let client = client(&trusting(&authority));
        let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
        let failed = shown(&client, sent.result.unwrap_err());
        assert_eq!(failed.kind, TlsKind);
        assert!(failed.actual.starts_with(&expected), "{case}: {failed:?}");
        let tls = sent.exchanges[0].tls.as_ref().unwrap();
        assert!(!tls.chain.is_empty(), "{case}: expected the rejected chain as evidence, found {tls:?}");
    }
}

#[tokio::test]
async fn refused_chain_names_what_is_wrong_with_it() {
    use hostile::{Limit, Oddity};
    let authority = Authority::generate();
    let expired = authority.intermediate("Expired", (2020, 2021));
    let limited = authority.limited("Limited", Limit::PathLength);
    let below = limited.intermediate("Below", YEARS);
    let of_names = authority.limited("Of names", Limit::Names);
    let chain = |authorities: &[&Authority]| {
        let certificates: Vec<_> = authorities.iter().map(|authority| authority.certificate.clone()).collect();
        authorities[0].server_with_chain("a.test", YEARS, &certificates)
    };
    let odd = |oddity| authority.server_odd("a.test", oddity).0;
    for (config, expected) in [
        (
            chain(&[&expired]),
            "a chain whose intermediate certificate Expired expired 2021-01-01T00:00:00Z: replace the intermediate",
        ),
        (chain(&[&below, &limited]), "a chain with more intermediate certificates than one of its authorities allows"),
        (chain(&[&of_names]), "a certificate for a name that an authority of its chain may not certify"),
        (odd(Oddity::Authority), "the certificate of an authority, where one of a server"),
        (odd(Oddity::ForClients), "a certificate that is not for servers"),
        (
            odd(Oddity::CriticalExtension),
            "a certificate with the critical extension 1.2.3.4.5, which the probe does not know",
        ),
        (
            odd(Oddity::OtherNames),
            "a certificate without a host: its subject alternative names are the URI https://a.test/, an e-mail address",
        ),
    ] {
        let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
        let client = client(&trusting(&authority));
        let failed = shown(&client, client.send(get(at(&server, "https", "a.test", "/"))).await.result.unwrap_err());
        assert_eq!(failed.kind, TlsKind);
        assert!(failed.actual.starts_with(expected), "{expected}: {failed:?}");
    }
}

#[tokio::test]
async fn trusted_certificate_may_be_the_servers_own() {
    use hostile::OwnSigned;
    let (future, past) = ((2999, 1, 1), (2020, 1, 1));
    for (kind, named, end, is_trusted, refused) in [
        (OwnSigned::Server, "a.test", future, true, None),
        (OwnSigned::Authority, "a.test", future, true, None),
        (
            OwnSigned::Authority,
            "a.test",
            future,
            false,
            Some("a self-signed certificate for Authority, which is not in"),
        ),
        (OwnSigned::Authority, "other.test", future, true, Some("a certificate for another host: other.test")),
        (OwnSigned::Authority, "a.test", past, true, Some("a certificate that expired 2020-01-01")),
        (OwnSigned::AuthorityOfClients, "a.test", future, true, Some("a certificate that is not for servers")),
    ] {
        let (config, pem) = own_signed(kind, named, end);
        let roots = if is_trusted { probe::Tls::certificates(&pem).unwrap() } else { Vec::new() };
        let client = client(&probe::Tls::new(&roots).unwrap());
        let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
        let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
        let case = format!("{kind:?} for {named} until {end:?}, trusted: {is_trusted}");
        match (sent.result, refused) {
            (Ok(response), None) => assert_eq!(&response.body[..], b"fine", "{case}"),
            (Err(error), Some(expected)) => {
                let failed = shown(&client, error);
                assert_eq!(failed.kind, TlsKind, "{case}");
                assert!(failed.actual.starts_with(expected), "{case}: {failed:?}");
            }
            (result, _) => panic!("{case}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn certificate_of_an_authority_is_accepted_once_trusted() {
    let authority = Authority::generate();
    let (config, pem) = authority.server_odd("a.test", hostile::Oddity::Authority);
    let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
    for (trusted, is_accepted) in [(&authority.pem, false), (&pem, true)] {
        let client = client(&probe::Tls::new(&probe::Tls::certificates(trusted).unwrap()).unwrap());
        let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
        assert_eq!(sent.result.is_ok(), is_accepted, "{:?}", sent.result);
    }
}

#[tokio::test]
async fn names_in_certificates_are_escaped_and_cut() {
    let authority = Authority::generate();
    // A longer name would make the handshake too large.
    let oversized = authority.intermediate(&format!("\u{1b}[2J{}", "x".repeat(10_000)), YEARS);
    let config = oversized.server_with_chain("a.test", YEARS, std::slice::from_ref(&oversized.certificate));
    let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
    let sent = client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await;
    let chain = &sent.exchanges[0].tls.as_ref().unwrap().chain;
    assert_eq!(chain.len(), 2, "expected both certificates, found {chain:?}");
    for name in [&chain[0].issuer, &chain[1].subject] {
        assert!(name.chars().count() == 80 && name.starts_with("\\u{1b}[2Jxxx") && name.ends_with('…'), "{name:?}");
    }
}

#[test]
fn certificates_are_read_however_they_are_laid_out() {
    let pem = format!("{}{}", Authority::generate().pem, Authority::generate().pem);
    let read = probe::Tls::certificates(&pem).unwrap();
    assert_eq!(read.len(), 2);
    let indented: String = pem.lines().map(|line| format!("    {line}\r\n")).collect();
    for text in [indented, pem.replace('\n', " "), pem.replace('\n', "\\n"), format!("subject=CN\n{pem}\nissuer=CN\n")]
    {
        assert_eq!(probe::Tls::certificates(&text).as_ref(), Ok(&read), "{text}");
    }
    let cut = pem.replace("-----END CERTIFICATE-----", "");
    assert!(probe::Tls::certificates(&cut).unwrap_err().contains("it was cut"));
}

#[test]
fn certificate_of_a_server_is_no_authority() {
    let authority = Authority::generate();
    let with_server = format!("{}{}", authority.pem, authority.sign_pem("a.test").0);
    let refused = probe::Tls::certificates(&with_server).unwrap_err();
    assert!(refused.starts_with("certificate 2 has no effect: an authority signed it for a server"), "{refused}");
    let intermediate = authority.intermediate("Intermediate", YEARS).pem;
    assert_eq!(probe::Tls::certificates(&intermediate).map(|read| read.len()), Ok(1));
}
