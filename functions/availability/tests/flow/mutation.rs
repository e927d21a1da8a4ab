use availability::Availability;

#[tokio::test]
async fn each_fault_is_caught_by_exactly_one_assertion() {
    let caught = check_testkit::mutation::assertions_by_fault::<Availability>().await;
    insta::assert_snapshot!("assertions_by_fault", caught);
}
