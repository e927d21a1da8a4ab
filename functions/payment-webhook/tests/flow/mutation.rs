use payment_webhook::PaymentWebhook;

#[tokio::test]
async fn each_fault_is_caught_by_one_assertion() {
    let caught = check_testkit::mutation::assertions_by_fault::<PaymentWebhook>().await;
    insta::assert_snapshot!("assertions_by_fault", caught);
}
