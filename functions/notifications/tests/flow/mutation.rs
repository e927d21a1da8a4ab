use notifications::Notifications;

#[tokio::test]
async fn each_fault_is_caught_by_one_assertion() {
    let caught = check_testkit::mutation::what_catches_each_fault::<Notifications>().await;
    insta::assert_snapshot!("what_catches_each_fault", caught);
}
