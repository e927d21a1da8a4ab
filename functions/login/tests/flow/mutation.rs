use login::Login;

#[tokio::test]
async fn each_fault_is_caught_by_one_assertion() {
    let caught = check_testkit::mutation::assertions_by_fault::<Login>().await;
    insta::assert_snapshot!("assertions_by_fault", caught);
}
