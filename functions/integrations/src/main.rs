//! Scheduled probe of the partners that the platform depends on; on failure see docs/runbooks/integrations.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<integrations::Integrations>().await
}
