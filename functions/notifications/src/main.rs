//! Scheduled probe of e-mail and SMS; on failure see docs/runbooks/notifications.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<notifications::Notifications>().await
}
