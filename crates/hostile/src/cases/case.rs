//! A case: a fault with its server, and the required result.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use hostile::Server;

/// Number of numbered faults.
pub const NUMBERS: u8 = 36;
/// Number of all extra cases, which sort last.
pub const EXTRA: u8 = NUMBERS + 1;
/// Maximum time that a probe waits for one answer.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// Required result of a probe.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// A failure of this kind whose text contains these words.
    Failed(&'static str, &'static str),
    /// A passed run, since users are not affected either.
    Passed,
    /// A passed run that reports at most this many days until the certificate expires.
    Expiring(f64),
}

/// Expectation of the answer in addition to status 200.
#[derive(Clone, Copy, Debug, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Any,
    /// The body contains a text.
    Text(&'static str),
    /// A JSON pointer exists. Probes without JSON support search for the pattern.
    Json(&'static str, &'static str),
    /// A log-in form, requested by the check `login`.
    Form,
}

/// A server or another resource that must live as long as its case.
type Resource = Arc<dyn Any + Send + Sync>;

/// A fault with its server and the required result.
pub struct Case {
    /// Number on the page.
    pub number: u8,
    /// Short description of the fault.
    pub fault: &'static str,
    /// Behaviour of the server.
    pub server: &'static str,
    /// Requested URL.
    pub url: String,
    /// Expected content.
    pub content: Content,
    /// Required result.
    pub expect: Expect,
    /// Keywords in lower case. A text names the cause when it contains one of them. Empty for healthy servers.
    pub cause: &'static [&'static str],
    /// Minimum duration. A faster run has not triggered the fault.
    pub at_least: Duration,
    /// Server that must get no connection.
    pub forbidden: Option<Arc<Server>>,
    /// Resources that live as long as the case.
    #[expect(dead_code, reason = "only kept alive")]
    pub resources: Vec<Resource>,
}

impl Case {
    /// Creates a case for a URL without starting a server.
    pub(super) fn at(number: u8, fault: &'static str, server: &'static str, url: String, expect: Expect) -> Self {
        let content = Content::Any;
        let (at_least, forbidden, resources) = (Duration::ZERO, None, Vec::new());
        Self { number, fault, server, url, content, expect, cause: &[], at_least, forbidden, resources }
    }

    /// Sets the keywords of the cause.
    pub fn named_by(self, cause: &'static [&'static str]) -> Self {
        Self { cause, ..self }
    }

    pub(super) fn with_content(self, content: Content) -> Self {
        Self { content, ..self }
    }
}
