//! Scripts, style sheets and images of a page.

use std::time::{Duration, Instant};

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, phrase};
use futures::{StreamExt, stream};
use http::Method;
use probe::{Asset, Error, Request, Response, assets};
use runtime::Step;

use crate::request_spec::RequestSpec;

/// Maximum number of requested assets of a page.
const MAX_ASSETS: usize = 50;
/// Largest asset. **Units:** bytes.
const MAX_SIZE: u64 = 10_000_000;
/// Number of assets requested at a time, which bounds the memory that they take.
const CONCURRENCY: usize = 4;
/// Most assets that evidence names.
const MAX_NAMED: usize = 5;

impl RequestSpec {
    /// Checks that the assets of a page answer with their type, within a deadline for all of them. Assets of the page's origin get
    /// the headers and credentials of the page.
    ///
    /// # Errors
    /// [`StepEnded`] when an asset failed: the step has failed, and names the first one. At most 50 assets are requested.
    pub async fn check_assets(&self, step: &Step<'_>, page: &Response, deadline: Duration) -> Result<(), StepEnded> {
        let Some(mut found) = assets(page) else {
            let actual = phrase!("status {} without a page in HTML", page.status_line());
            return Err(step.fail("assets", Mismatch::new(FailureKind::Body, "a page in HTML", actual)));
        };
        found.truncate(MAX_ASSETS);
        let end = Instant::now() + deadline;
        let count = found.len();
        let mut own = self.clone();
        (own.method, own.query, own.body) = (Method::GET, Vec::new(), None);
        let origin = page.url.origin();
        let fetched = stream::iter(found).map(|asset| {
            let own = own.clone();
            let is_own = asset.url.origin() == origin && asset.url.origin() == self.url.origin();
            async move {
                let left = end.saturating_duration_since(Instant::now());
                let request = match is_own {
                    true => RequestSpec { url: asset.url.clone(), ..own }.build(step, left).await?.0,
                    false => Request::new(Method::GET, asset.url.clone()).max_redirects(own.max_redirects).linked(),
                };
                let sent = step.transmit(request.deadline(left).body_cap(MAX_SIZE)).await;
                judge(step, &asset, sent.result).map(|judged| judged.err())
            }
        });
        let judged: Vec<Result<Option<(Asset, Mismatch)>, StepEnded>> = fetched.buffered(CONCURRENCY).collect().await;
        let judged: Result<Vec<_>, StepEnded> = judged.into_iter().collect();
        let mut failed = judged?.into_iter().flatten();
        let Some((_, first)) = failed.next() else { return step.check("assets", Ok(())) };
        let rest: Vec<Phrase> = failed.map(|(asset, _)| asset.describe()).collect();
        let named = Phrase::list(rest.iter().take(MAX_NAMED).cloned(), ", ");
        let others = if rest.is_empty() { Phrase::default() } else { phrase!(", also {}", named) };
        let evidence = phrase!("{} of {} assets failed{}", rest.len() + 1, count, others);
        step.check("assets", Err(first.with_evidence(evidence)))
    }
}

/// Judges the answer to the request for an asset.
fn judge(
    step: &Step<'_>,
    asset: &Asset,
    result: Result<Response, Error>,
) -> Result<Result<(), (Asset, Mismatch)>, StepEnded> {
    let mismatch = match result {
        Ok(response) => match asset.judge(&response) {
            Ok(()) => return Ok(Ok(())),
            Err(mismatch) => mismatch,
        },
        Err(error) => {
            let mismatch = error.into_mismatch().map_err(|error| step.inconclusive(Cause::Internal, error))?;
            let expected = phrase!("{}, for {}", mismatch.expected, asset.describe());
            Mismatch { expected, ..mismatch }
        }
    };
    Ok(Err((asset.clone(), mismatch)))
}
