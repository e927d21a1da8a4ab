use payment_webhook::PaymentWebhook;

#[tokio::test]
async fn each_fault_is_caught_by_one_assertion() {
    let caught = check_testkit::mutation::what_catches_each_fault::<PaymentWebhook>().await;
    insta::assert_snapshot!("what_catches_each_fault", caught);
}
