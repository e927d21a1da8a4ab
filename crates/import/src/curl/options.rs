//! Options of curl.

/// Meaning of an option for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `--anyauth` and its like.
    AuthScheme,
    /// `--oauth2-bearer`
    Bearer,
    /// `--cert`
    Certificate,
    /// `--cookie`
    Cookie,
    /// `--data` and `--data-ascii`, `--data-binary`
    Data,
    /// `--data-raw`
    DataRaw,
    /// `--data-urlencode`
    DataUrlencode,
    /// `--get`
    Get,
    /// `--globoff`
    GlobOff,
    /// `--head`
    Head,
    /// `--header`
    Header,
    /// Nothing: about output, progress, or defaults of the client.
    Ignored,
    /// `--json`
    Json,
    /// `--location`
    Location,
    /// `--max-redirs`
    MaxRedirects,
    /// `--max-time`
    MaxTime,
    /// `--next`
    Next,
    /// Not carried over, for this reason. The rest of the request is.
    LeftOut(&'static str),
    /// The request cannot be carried over, for this reason.
    Refused(&'static str),
    /// `--range`
    Range,
    /// `--referer`
    Referer,
    /// `--request`
    Request,
    /// `--url`
    Url,
    /// `--url-query`
    UrlQuery,
    /// `--user`
    User,
    /// `--user-agent`
    UserAgent,
}

use Meaning as M;

/// Option: its letter, its name, true if an argument follows, and the meaning.
type Entry = (Option<char>, &'static str, bool, Meaning);

const CONNECTION: &str = "targets connect as DNS says, without a proxy";
const PROTOCOL: &str = "client and server agree on the version of HTTP; `expect.protocol` checks it";
const RETRY: &str = "a failed request is confirmed by the check";
const TRUST: &str = "certificates are always checked; `network.ca_certificates` adds trusted ones";
const FILES: &str = "the file is not read; put it next to the settings and name it in `body.file`";

const OPTIONS: &[Entry] = &[
    (Some('X'), "request", true, M::Request),
    (Some('H'), "header", true, M::Header),
    (Some('d'), "data", true, M::Data),
    (None, "data-ascii", true, M::Data),
    (None, "data-binary", true, M::Data),
    (None, "data-raw", true, M::DataRaw),
    (None, "data-urlencode", true, M::DataUrlencode),
    (None, "json", true, M::Json),
    (Some('G'), "get", false, M::Get),
    (Some('I'), "head", false, M::Head),
    (Some('g'), "globoff", false, M::GlobOff),
    (None, "url", true, M::Url),
    (None, "url-query", true, M::UrlQuery),
    (Some('u'), "user", true, M::User),
    (None, "oauth2-bearer", true, M::Bearer),
    (None, "basic", false, M::Ignored),
    (None, "anyauth", false, M::AuthScheme),
    (None, "digest", false, M::AuthScheme),
    (None, "negotiate", false, M::AuthScheme),
    (None, "ntlm", false, M::AuthScheme),
    (None, "aws-sigv4", true, M::AuthScheme),
    (Some('b'), "cookie", true, M::Cookie),
    (Some('c'), "cookie-jar", true, M::LeftOut("targets keep no cookies")),
    (Some('j'), "junk-session-cookies", false, M::LeftOut("targets keep no cookies")),
    (Some('A'), "user-agent", true, M::UserAgent),
    (Some('e'), "referer", true, M::Referer),
    (Some('r'), "range", true, M::Range),
    (Some('L'), "location", false, M::Location),
    (None, "location-trusted", false, M::Refused("credentials are never sent to the servers of redirects")),
    (None, "max-redirs", true, M::MaxRedirects),
    (Some('m'), "max-time", true, M::MaxTime),
    (Some('E'), "cert", true, M::Certificate),
    (None, "key", true, M::Certificate),
    (None, "cert-type", true, M::Ignored),
    (None, "key-type", true, M::Ignored),
    (None, "pass", true, M::Ignored),
    (Some(':'), "next", false, M::Next),
    (Some('F'), "form", true, M::Refused("a multipart form, which targets do not send")),
    (None, "form-string", true, M::Refused("a multipart form, which targets do not send")),
    (Some('T'), "upload-file", true, M::Refused(FILES)),
    (Some('K'), "config", true, M::Refused("the file of options is not read")),
    (Some('n'), "netrc", false, M::LeftOut("the file of passwords is not read; write `auth.basic`")),
    (None, "netrc-file", true, M::LeftOut("the file of passwords is not read; write `auth.basic`")),
    (None, "netrc-optional", false, M::LeftOut("the file of passwords is not read; write `auth.basic`")),
    (None, "unix-socket", true, M::Refused("a socket of the machine, to which targets do not connect")),
    (None, "abstract-unix-socket", true, M::Refused("a socket of the machine, to which targets do not connect")),
    (Some('k'), "insecure", false, M::LeftOut(TRUST)),
    (None, "cacert", true, M::LeftOut(TRUST)),
    (None, "capath", true, M::LeftOut(TRUST)),
    (None, "pinnedpubkey", true, M::LeftOut(TRUST)),
    (None, "tlsv1.0", false, M::LeftOut("the client decides the version of TLS")),
    (None, "tlsv1.1", false, M::LeftOut("the client decides the version of TLS")),
    (None, "tlsv1.2", false, M::Ignored),
    (None, "tlsv1.3", false, M::LeftOut("the client decides the version of TLS")),
    (None, "tls-max", true, M::LeftOut("the client decides the version of TLS")),
    (None, "ciphers", true, M::LeftOut("the client decides its ciphers")),
    (Some('x'), "proxy", true, M::LeftOut(CONNECTION)),
    (Some('U'), "proxy-user", true, M::LeftOut(CONNECTION)),
    (None, "proxy-header", true, M::LeftOut(CONNECTION)),
    (None, "socks5", true, M::LeftOut(CONNECTION)),
    (None, "socks5-hostname", true, M::LeftOut(CONNECTION)),
    (None, "noproxy", true, M::Ignored),
    (None, "resolve", true, M::LeftOut(CONNECTION)),
    (None, "connect-to", true, M::LeftOut(CONNECTION)),
    (None, "doh-url", true, M::LeftOut(CONNECTION)),
    (None, "interface", true, M::LeftOut(CONNECTION)),
    (Some('4'), "ipv4", false, M::LeftOut(CONNECTION)),
    (Some('6'), "ipv6", false, M::LeftOut(CONNECTION)),
    (None, "connect-timeout", true, M::LeftOut("`deadline` covers connecting")),
    (Some('0'), "http1.0", false, M::LeftOut(PROTOCOL)),
    (None, "http1.1", false, M::LeftOut(PROTOCOL)),
    (None, "http2", false, M::Ignored),
    (None, "http2-prior-knowledge", false, M::LeftOut(PROTOCOL)),
    (None, "http3", false, M::LeftOut(PROTOCOL)),
    (None, "http3-only", false, M::LeftOut(PROTOCOL)),
    (None, "http0.9", false, M::LeftOut(PROTOCOL)),
    (None, "retry", true, M::LeftOut(RETRY)),
    (None, "retry-delay", true, M::LeftOut(RETRY)),
    (None, "retry-max-time", true, M::LeftOut(RETRY)),
    (None, "retry-all-errors", false, M::LeftOut(RETRY)),
    (None, "retry-connrefused", false, M::LeftOut(RETRY)),
    (Some('z'), "time-cond", true, M::LeftOut("a target always requests the whole answer")),
    (None, "etag-compare", true, M::LeftOut("a target always requests the whole answer")),
    (Some('C'), "continue-at", true, M::LeftOut("a target always requests the whole answer")),
    (None, "path-as-is", false, M::LeftOut("paths are sent without `.` and `..`")),
    (None, "post301", false, M::LeftOut("redirects are followed as browsers do")),
    (None, "post302", false, M::LeftOut("redirects are followed as browsers do")),
    (None, "post303", false, M::LeftOut("redirects are followed as browsers do")),
    (None, "limit-rate", true, M::LeftOut("the speed of a request is not limited")),
    (None, "max-filesize", true, M::LeftOut("a body of more than 2 MiB fails")),
    (Some('Y'), "speed-limit", true, M::LeftOut("`deadline` limits the whole request")),
    (Some('y'), "speed-time", true, M::LeftOut("`deadline` limits the whole request")),
    (None, "variable", true, M::Refused("a variable of curl, which is not filled in")),
    (Some('s'), "silent", false, M::Ignored),
    (Some('S'), "show-error", false, M::Ignored),
    (Some('v'), "verbose", false, M::Ignored),
    (Some('i'), "include", false, M::Ignored),
    (None, "show-headers", false, M::Ignored),
    (Some('f'), "fail", false, M::Ignored),
    (None, "fail-with-body", false, M::Ignored),
    (None, "fail-early", false, M::Ignored),
    (Some('o'), "output", true, M::Ignored),
    (None, "output-dir", true, M::Ignored),
    (Some('O'), "remote-name", false, M::Ignored),
    (None, "remote-name-all", false, M::Ignored),
    (Some('J'), "remote-header-name", false, M::Ignored),
    (Some('R'), "remote-time", false, M::Ignored),
    (None, "create-dirs", false, M::Ignored),
    (None, "remove-on-error", false, M::Ignored),
    (Some('w'), "write-out", true, M::Ignored),
    (Some('D'), "dump-header", true, M::Ignored),
    (None, "etag-save", true, M::Ignored),
    (None, "stderr", true, M::Ignored),
    (None, "trace", true, M::Ignored),
    (None, "trace-ascii", true, M::Ignored),
    (None, "trace-time", false, M::Ignored),
    (None, "trace-ids", false, M::Ignored),
    (Some('#'), "progress-bar", false, M::Ignored),
    (None, "no-progress-meter", false, M::Ignored),
    (Some('N'), "no-buffer", false, M::Ignored),
    (None, "compressed", false, M::Ignored),
    (None, "tcp-nodelay", false, M::Ignored),
    (None, "no-keepalive", false, M::Ignored),
    (None, "keepalive-time", true, M::Ignored),
    (None, "styled-output", false, M::Ignored),
    (None, "no-styled-output", false, M::Ignored),
    (Some('Z'), "parallel", false, M::Ignored),
    (None, "parallel-max", true, M::Ignored),
    (Some('q'), "disable", false, M::Ignored),
    (None, "proto", true, M::Ignored),
    (None, "proto-default", true, M::Ignored),
    (None, "proto-redir", true, M::Ignored),
    (None, "ssl-reqd", false, M::Ignored),
];

/// Option by its name behind `--`.
pub(super) fn long(name: &str) -> Option<(&'static str, bool, Meaning)> {
    find(|(_, own, ..)| *own == name)
}

/// Option by its letter behind `-`.
pub(super) fn short(letter: char) -> Option<(&'static str, bool, Meaning)> {
    find(|(own, ..)| *own == Some(letter))
}

fn find(is_wanted: impl Fn(&Entry) -> bool) -> Option<(&'static str, bool, Meaning)> {
    OPTIONS.iter().find(|entry| is_wanted(entry)).map(|(_, name, takes, meaning)| (*name, *takes, *meaning))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_option_is_listed_once() {
        let names: BTreeSet<&str> = OPTIONS.iter().map(|(_, name, ..)| *name).collect();
        assert_eq!(names.len(), OPTIONS.len());
        let letters: Vec<char> = OPTIONS.iter().filter_map(|(letter, ..)| *letter).collect();
        assert_eq!(letters.iter().collect::<BTreeSet<_>>().len(), letters.len());
    }
}
