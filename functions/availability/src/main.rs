//! Scheduled probe of the platform's pages and endpoints; on failure see docs/runbooks/availability.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<availability::Availability>().await
}
