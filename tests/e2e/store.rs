//! The state table keeps the contract of the stores, as those on one machine do.

use aws::Table;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use check_testkit::store_contract;

use crate::emulator::Emulator;

const TABLE: &str = "contract";

#[tokio::test(flavor = "multi_thread")]
async fn table_keeps_the_contract() {
    let emulator = Emulator::start(&[]);
    let client = Client::new(&emulator.sdk().await);
    create_table(&client, TABLE).await;
    store_contract::assert_holds(&Table::new(client, TABLE)).await;
}

/// Creates a state table with the keys of infra/template.yaml.
pub async fn create_table(client: &Client, name: &str) {
    let mut table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        table = table.attribute_definitions(text.build().unwrap()).key_schema(key.build().unwrap());
    }
    table.send().await.unwrap();
}
