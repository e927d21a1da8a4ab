//! Scheduled journeys of several requests; on failure see docs/runbooks/journeys.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<journeys::Journeys>().await
}
