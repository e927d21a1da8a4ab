//! Scheduled probe of the log-in; on failure see docs/runbooks/login.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<login::Login>().await
}
