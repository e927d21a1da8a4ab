//! Scheduled probe of lesson bookings; on failure see docs/runbooks/booking.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<booking::Booking>().await
}
