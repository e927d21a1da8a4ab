//! Scheduled comparison of payments with the provider's; on failure see docs/runbooks/reconciliation.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<reconciliation::Reconciliation>().await
}
