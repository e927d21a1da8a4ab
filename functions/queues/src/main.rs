//! Scheduled probe of queues and scheduled tasks; on failure see docs/runbooks/queues.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<queues::Queues>().await
}
