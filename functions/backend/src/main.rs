//! Scheduled probe of the database and the cache; on failure see docs/runbooks/backend.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<backend::Backend>().await
}
