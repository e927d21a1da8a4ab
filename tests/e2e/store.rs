//! The state table keeps the contract of the stores, as those on one machine do.

use aws::Table;
use aws_sdk_dynamodb::Client;
use check_testkit::store_contract;

use crate::emulator::Emulator;
use crate::world::create_table;

const TABLE: &str = "contract";

#[tokio::test(flavor = "multi_thread")]
async fn table_keeps_the_contract() {
    let emulator = Emulator::start(&[]);
    let sdk = emulator.sdk().await;
    create_table(&sdk, TABLE).await;
    store_contract::assert_holds(&Table::new(Client::new(&sdk), TABLE)).await;
}
