//! Asks the product's own client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use hostile::Server;
use jiff::Timestamp;
use probe::dns::{Addrs, Name, Resolve, Resolving};
use probe::expect::{self, WantedForm};
use probe::{
    Client, Connections, Cookies, EgressPolicy, Error, Identity, Method, Redactor, Request, Response, Tls, Url,
    retry_after,
};
use secrecy::ExposeSecret;

use crate::row::{ADDRESS, Ask, BRITISH, Found, HOST, NEXT, Row, SIBLING, SIGN, cookies, posted, submitted};

/// Maximum duration of a request.
const DEADLINE: Duration = Duration::from_secs(5);

/// Resolver that maps all names to this machine.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

/// Client as a check has it, with the authorities of the servers.
pub fn client(authorities: &str) -> Result<Client> {
    let roots = Tls::certificates(authorities).map_err(|error| anyhow::anyhow!(error))?;
    let tls = Tls::new(&roots)?;
    let egress = EgressPolicy::new([], vec!["127.0.0.0/8".parse()?]);
    let egress = [HOST, SIBLING, BRITISH, ADDRESS]
        .iter()
        .try_fold(egress, |egress, host| anyhow::Ok(egress.allow_host(&format!("http://{host}/").parse()?)))?;
    let identity = Identity { run_id: "run".to_owned(), trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned() };
    let (now, names) = (Arc::new(Timestamp::now), Arc::new(Loopback));
    let client = Client::with_resolver(&tls, &egress, identity, Redactor::default(), now, Connections::Fresh, names);
    client.map_err(|error| anyhow::anyhow!("{}", error.describe().admit(&NoSecrets, 200)))
}

/// Asks for an answer.
pub async fn ask(row: &Row, server: &Server, client: &Client) -> Result<Found> {
    let url: Url = row.url(server, row.host, "/").parse()?;
    let request = |method, url: &Url| Request::new(method, url.clone()).deadline(DEADLINE);
    let found = match row.ask {
        Ask::Post(_) => {
            let post = request(Method::POST, &url).header("content-type", "application/x-www-form-urlencoded");
            sent(client, post.body("a=b")).await.and_then(|_| posted(server))
        }
        Ask::Submit(_) => {
            let next: Url = row.url(server, row.host, NEXT).parse()?;
            let form = sent(client, request(Method::GET, &url)).await.and_then(|response| {
                let wanted = WantedForm { is_sent_by_browser: true, ..WantedForm::with_token("_token") };
                expect::form(&response, &wanted).map_err(|mismatch| shown(mismatch, &response.redactor))
            });
            match form {
                Ok(form) => {
                    let (kind, body) = expect::form_body(Some(&form), &[("email", "a"), ("password", "b")]);
                    let post = request(Method::POST, &next).header("content-type", &kind).body(body);
                    sent(client, post).await.and_then(|_| submitted(server))
                }
                Err(error) => Err(error),
            }
        }
        Ask::Cookies(host, _) => {
            let jar = Cookies::default();
            let next: Url = row.url(server, host, NEXT).parse()?;
            match sent(client, request(Method::GET, &url).cookies(&jar)).await {
                Ok(_) => sent(client, request(Method::GET, &next).cookies(&jar)).await.and_then(|_| cookies(server)),
                refused => refused.map(|_| String::new()),
            }
            .map_err(|error| if error.is_empty() { not_sent(row, &jar, &next) } else { error })
        }
        Ask::Body | Ask::Text(_) | Ask::Sign(_) | Ask::Json(_) | Ask::Form(_) | Ask::Wait(_) => {
            let response = sent(client, request(Method::GET, &url)).await;
            match response {
                Ok(response) => read(row.ask, &response),
                Err(error) => Err(error),
            }
        }
    };
    // Ports differ from run to run.
    let port = format!(":{}", server.address.port());
    Ok(found.map_err(|error| error.replace(&port, "")))
}

async fn sent(client: &Client, request: Request) -> Result<Response, String> {
    client.send(request).await.result.map_err(|error| describe(error, client))
}

fn describe(error: Error, client: &Client) -> String {
    match error.into_mismatch() {
        Ok(mismatch) => shown(mismatch, client.redactor()),
        Err(mistake) => format!("a mistake of the test: {}", mistake.admit(&NoSecrets, 200)),
    }
}

fn shown(mismatch: Mismatch, redactor: &Redactor) -> String {
    let failure = Failure::new(Subject::whole(), "step", mismatch, redactor);
    let kind: FailureKind = failure.kind;
    format!("`{}`: {}", kind.as_str(), failure.actual)
}

/// Reads what a row asks for.
fn read(ask: Ask, response: &Response) -> Found {
    let checked = |mismatch| shown(mismatch, &response.redactor);
    match ask {
        Ask::Body => Ok(String::from_utf8_lossy(&response.body).into_owned()),
        Ask::Text(_) => Ok(response.text().trim_start_matches('\u{feff}').to_owned()),
        Ask::Sign(wanted) => expect::header_equals(response, SIGN, wanted).map(|()| wanted.to_owned()).map_err(checked),
        Ask::Json(_) => expect::json(response).map(|value| value.to_string()).map_err(checked),
        Ask::Form(_) => {
            let wanted = WantedForm::with_token("_token");
            expect::form(response, &wanted).map(|form| form.token.expose_secret().to_owned()).map_err(checked)
        }
        Ask::Wait(_) => retry_after(response).map(|wait| wait.as_secs().to_string()).ok_or_else(String::new),
        Ask::Cookies(..) | Ask::Post(_) | Ask::Submit(_) => {
            Err("a mistake of the test: the server knows this".to_owned())
        }
    }
}

/// Reason for which a jar does not send the cookie of a row.
fn not_sent(row: &Row, jar: &Cookies, next: &Url) -> String {
    let name = row.ask.wanted().split_once('=').map_or("s", |(name, _)| name);
    let reason = jar.why_not_sent(next, name);
    reason.map(|reason| reason.admit(&NoSecrets, 200).to_string()).unwrap_or_default()
}
