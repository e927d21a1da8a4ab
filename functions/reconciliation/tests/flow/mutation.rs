use reconciliation::Reconciliation;

#[tokio::test]
async fn every_fault_is_caught_by_the_assertion_named_here_and_by_no_other() {
    let caught = check_testkit::mutation::what_catches_each_fault::<Reconciliation>().await;
    insta::assert_snapshot!("what_catches_each_fault", caught);
}
