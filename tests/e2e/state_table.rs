//! What a test reads from the state table and writes into it, around the program.

use std::collections::{BTreeMap, HashMap};

use aws::Table;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::AttributeValue::{L, M, N, S};
use check::incident::Mark;
use jiff::SignedDuration;
use runtime::OperatorStore;
use serde_json::{Value, json};

use crate::world::World;

impl World {
    /// All items of the state table as text.
    pub async fn state(&self) -> String {
        let client = Client::new(&self.sdk);
        let items = client.scan().table_name(self.table()).send().await.unwrap().items.unwrap();
        assert!(!items.is_empty(), "the state table is empty");
        items.iter().map(attributes_text).collect::<Vec<_>>().join("\n")
    }

    /// Stores an item with this state, as if an earlier run of the check had written it.
    pub async fn put_state(&self, check: &str, state: &str) {
        let client = Client::new(&self.sdk);
        let item = [
            ("pk", S(format!("CHECK#{check}"))),
            ("sk", S("STATE".to_owned())),
            ("version", N("1".to_owned())),
            ("last_run", M(HashMap::new())),
            ("state", S(state.to_owned())),
            ("outbox", M(HashMap::new())),
        ];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        client.put_item().table_name(self.table()).set_item(Some(item)).send().await.unwrap();
    }

    /// Replaces the stored memory of a check.
    pub async fn put_memory(&self, check: &str, memory: &str) {
        let client = Client::new(&self.sdk);
        let call = client.update_item().table_name(self.table());
        let call = call.key("pk", S(format!("CHECK#{check}"))).key("sk", S("STATE".to_owned()));
        let call = call.update_expression("SET memory = :memory");
        call.expression_attribute_values(":memory", S(memory.to_owned())).send().await.unwrap();
    }

    /// Replaces every text in the records of a check's incidents, adds a mute to them, and acknowledges them.
    pub async fn put_incident_texts(&self, check: &str, text: &str) {
        let client = Client::new(&self.sdk);
        let table = self.table();
        let call = client.query().table_name(table).key_condition_expression("pk = :pk AND begins_with(sk, :incident)");
        let call = call.expression_attribute_values(":pk", S(format!("CHECK#{check}")));
        let found = call.expression_attribute_values(":incident", S("INCIDENT#".to_owned())).send().await.unwrap();
        assert!(found.count > 0, "{check} has no incident");
        for mut item in found.items.unwrap() {
            for name in ["first", "latest"] {
                let mut failure: Value = serde_json::from_str(item[name].as_s().unwrap()).unwrap();
                for key in ["step", "expected", "actual", "evidence"] {
                    failure[key] = text.into();
                }
                item.insert(name.to_owned(), S(failure.to_string()));
            }
            let (from, until) = (self.minute(), self.minute() + SignedDuration::from_hours(1));
            let silence =
                json!({ "id": "m", "kind": "mute", "from": from, "until": until, "by": text, "reason": text });
            item.insert("silences".to_owned(), L(vec![S(silence.to_string())]));
            client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        }
    }

    /// Adds a mark, as a person would.
    pub async fn put_mark(&self, text: &str) {
        let table = Table::new(Client::new(&self.sdk), self.table());
        OperatorStore::add_mark(&table, &Mark::new(self.minute(), text, text)).await.unwrap();
    }

    /// Expiry time of an incident record. **Units:** Unix seconds.
    pub async fn incident_expires_at(&self, check: &str, incident: &str) -> i64 {
        let client = Client::new(&self.sdk);
        let call = client.query().table_name(self.table());
        let call =
            call.key_condition_expression("pk = :pk").expression_attribute_values(":pk", S(format!("CHECK#{check}")));
        let items = call.send().await.unwrap().items.unwrap();
        let item = items.iter().find(|item| {
            item.get("incident").and_then(|value| value.as_s().ok()).is_some_and(|text| text.contains(incident))
        });
        item.unwrap()["expires_at"].as_n().unwrap().parse().unwrap()
    }
}

fn attribute_text(value: &AttributeValue) -> String {
    match value {
        S(text) | N(text) => text.clone(),
        M(map) => attributes_text(map),
        L(list) => list.iter().map(attribute_text).collect::<Vec<_>>().join("\n"),
        other => panic!("unexpected attribute type in the table: {other:?}"),
    }
}

/// Text of a map, sorted by name.
fn attributes_text(map: &HashMap<String, AttributeValue>) -> String {
    let sorted: BTreeMap<_, _> = map.iter().collect();
    sorted.into_iter().map(|(name, value)| format!("{name} {}\n", attribute_text(value))).collect()
}
