//! Scheduled probe of the payment webhook; on failure see docs/runbooks/payment-webhook.md.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<payment_webhook::PaymentWebhook>().await
}
