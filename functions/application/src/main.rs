//! Scheduled probe of the operations counters and the health endpoint; on failure see docs/runbooks/application.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<application::Application>().await
}
