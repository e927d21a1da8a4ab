//! Content Security Policy, as far as it concerns log-ins: the sending of forms, and requests of scripts
//! (<https://www.w3.org/TR/CSP3/>).

use percent_encoding::percent_decode_str;
use url::Url;

/// Where a policy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A header of the page. It may hold several policies.
    Header,
    /// A `meta` element. `sandbox` has no effect there.
    Page,
}

/// URL to which a form of a page is sent: with `https` where a policy upgrades it.
pub(crate) fn upgraded(policies: &[(Source, &str)], mut to: Url) -> Url {
    if to.scheme() == "http"
        && single(policies).any(|(_, policy)| directive(policy, "upgrade-insecure-requests").is_some())
    {
        // `set_scheme` never refuses one HTTP scheme for the other.
        let _ = to.set_scheme("https");
    }
    to
}

/// Directive against sending a form of a page, with cookies, to an upgraded URL. `None` when all policies allow it.
pub(crate) fn forbidding(policies: &[(Source, &str)], page: &Url, to: &Url) -> Option<String> {
    single(policies).find_map(|(source, policy)| {
        let sandbox = directive(policy, "sandbox").filter(|_| source == Source::Header);
        // Without its own origin, a page sends forms without cookies.
        let is_allowed = |flags: &[&str]| {
            let has = |flag: &str| flags.iter().any(|found| found.eq_ignore_ascii_case(flag));
            has("allow-forms") && has("allow-same-origin")
        };
        let sandbox = sandbox.filter(|flags| !is_allowed(flags));
        let action = directive(policy, "form-action");
        let action = action.filter(|sources| !sources.iter().any(|source| matches(source, page, to)));
        let named = |name: &str, words: Vec<&str>| [&[name], &words[..]].concat().join(" ");
        sandbox.map(|words| named("sandbox", words)).or_else(|| action.map(|words| named("form-action", words)))
    })
}

/// Directive against a request of a page's script to an upgraded URL. `None` when all policies allow it.
pub(crate) fn forbidding_requests(policies: &[(Source, &str)], page: &Url, to: &Url) -> Option<String> {
    single(policies).find_map(|(_, policy)| {
        let found = |name| directive(policy, name).map(|words| (name, words));
        let (name, words) = found("connect-src").or_else(|| found("default-src"))?;
        let is_allowed = words.iter().any(|source| matches(source, page, to));
        (!is_allowed).then(|| [&[name], &words[..]].concat().join(" "))
    })
}

/// Policies one by one.
fn single<'p>(policies: &[(Source, &'p str)]) -> impl Iterator<Item = (Source, &'p str)> {
    policies.iter().flat_map(|(source, line)| line.split(',').map(|policy| (*source, policy)))
}

/// Words after the name of a directive. Of several with one name, the first one counts.
fn directive<'p>(policy: &'p str, name: &str) -> Option<Vec<&'p str>> {
    policy.split(';').find_map(|directive| {
        let mut words = directive.split_ascii_whitespace();
        words.next().is_some_and(|first| first.eq_ignore_ascii_case(name)).then(|| words.collect())
    })
}

/// True when a source expression includes a URL.
fn matches(source: &str, page: &Url, to: &Url) -> bool {
    if source.eq_ignore_ascii_case("'self'") {
        let is_upgrade = to.scheme() == "https" && to.host() == page.host();
        return to.origin() == page.origin() || is_upgrade && to.port() == page.port();
    }
    if source == "*" {
        return true;
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return is_scheme(scheme, to);
    }
    let (scheme, rest) = source.split_once("://").unwrap_or((page.scheme(), source));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    is_scheme(scheme, to) && is_host(&host.to_ascii_lowercase(), to) && is_port(port, to) && is_path(path, to)
}

/// True for the scheme, and for https where http is allowed.
fn is_scheme(scheme: &str, to: &Url) -> bool {
    scheme.eq_ignore_ascii_case(to.scheme()) || scheme.eq_ignore_ascii_case("http") && to.scheme() == "https"
}

fn is_host(host: &str, to: &Url) -> bool {
    let actual = to.host_str().unwrap_or_default();
    match host.strip_prefix('*') {
        Some(end) => host == "*" || actual.ends_with(end),
        None => actual == host,
    }
}

fn is_port(port: &str, to: &Url) -> bool {
    match port {
        "" => to.port().is_none(),
        "*" => true,
        _ => {
            let actual = to.port_or_known_default().unwrap_or_default();
            port.parse() == Ok(actual) || port == "80" && actual == 443
        }
    }
}

/// True for the path itself, and for all paths below one with a slash at its end.
fn is_path(path: &str, to: &Url) -> bool {
    let (path, actual) = (percent_decode_str(path), percent_decode_str(to.path()));
    let (path, actual): (Vec<u8>, Vec<u8>) = (path.collect(), actual.collect());
    path.is_empty() || path == actual || path.ends_with(b"/") && actual.starts_with(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_send_requests_where_every_policy_allows_it() {
        for (policy, forbidden) in [
            ("", None),
            ("script-src 'self'; form-action 'none'", None),
            ("connect-src 'none'", Some("connect-src 'none'")),
            ("default-src 'none'; script-src 'self'", Some("default-src 'none'")),
            ("default-src 'none'; connect-src 'self'", None),
            ("default-src 'self'; connect-src wss://a.dk", Some("connect-src wss://a.dk")),
            ("default-src 'self'", None),
            ("connect-src", Some("connect-src")),
            ("connect-src *, connect-src b.dk", Some("connect-src b.dk")),
        ] {
            for source in [Source::Header, Source::Page] {
                let page: Url = "https://a.dk/x".parse().unwrap();
                let found = forbidding_requests(&[(source, policy)], &page, &page.join("/api/login").unwrap());
                assert_eq!(found.as_deref(), forbidden, "{policy}");
            }
        }
    }

    #[test]
    fn forms_are_sent_where_every_policy_allows_it() {
        for (policy, to, forbidden) in [
            ("default-src 'none'", "/login", None),
            ("form-action 'none'", "/login", Some("form-action 'none'")),
            ("form-action", "/login", Some("form-action")),
            ("form-action 'self'", "/login", None),
            ("FORM-ACTION 'SELF'; form-action 'none'", "/login", None),
            ("form-action 'self'", "http://a.dk/login", Some("form-action 'self'")),
            ("form-action 'self'; upgrade-insecure-requests", "http://a.dk/login", None),
            ("form-action 'self'", "https://a.dk:8443/login", Some("form-action 'self'")),
            ("form-action *", "https://b.dk/", None),
            ("form-action https:", "/login", None),
            ("form-action http:", "/login", None),
            ("form-action a.dk", "/login", None),
            ("form-action http://A.dk", "/login", None),
            ("form-action b.dk", "/login", Some("form-action b.dk")),
            ("form-action *.dk", "/login", None),
            ("form-action *.a.dk", "/login", Some("form-action *.a.dk")),
            ("form-action a.dk:8443", "/login", Some("form-action a.dk:8443")),
            ("form-action a.dk:*", "https://a.dk:8443/login", None),
            ("form-action a.dk/login", "/login", None),
            ("form-action a.dk/login", "/login/2", Some("form-action a.dk/login")),
            ("form-action a.dk/LOGIN/", "/login/2", Some("form-action a.dk/LOGIN/")),
            ("form-action a.dk/login/", "/login/2", None),
            ("form-action 'self', form-action 'none'", "/login", Some("form-action 'none'")),
            ("sandbox", "/login", Some("sandbox")),
            ("sandbox allow-scripts", "/login", Some("sandbox allow-scripts")),
            ("sandbox allow-forms allow-scripts", "/login", Some("sandbox allow-forms allow-scripts")),
            ("sandbox Allow-Forms Allow-Same-Origin", "/login", None),
        ] {
            let page: Url = "https://a.dk/x".parse().unwrap();
            let policies = [(Source::Header, policy)];
            let found = forbidding(&policies, &page, &upgraded(&policies, page.join(to).unwrap()));
            assert_eq!(found.as_deref(), forbidden, "{policy}: {to}");
        }
        let page: Url = "http://a.dk/".parse().unwrap();
        for to in ["http://a.dk/", "https://a.dk/"] {
            assert_eq!(forbidding(&[(Source::Page, "sandbox; form-action 'self'")], &page, &to.parse().unwrap()), None);
        }
    }
}
