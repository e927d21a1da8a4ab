//! Items of the table: their keys and attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

/// An item by its attributes.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// All items of a check share one partition key: a function may touch no others.
pub(crate) fn item_key(check: &str, sort: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(format!("CHECK#{check}"))),
        ("sk".to_owned(), AttributeValue::S(sort.to_owned())),
    ])
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn json(value: &impl Serialize) -> Result<AttributeValue, serde_json::Error> {
    serde_json::to_string(value).map(AttributeValue::S)
}

/// Explains why an item cannot be read, and adds the command to delete it. Nothing else deletes it: state is never
/// guessed.
pub(crate) fn unreadable(table: &str, item: &Item, detail: &str) -> String {
    let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    let (pk, sk) = (key("pk"), key("sk"));
    format!(
        "{detail}\ndelete the item and its contents: aws dynamodb delete-item --table-name {table} \
         --key '{{\"pk\":{{\"S\":\"{pk}\"}},\"sk\":{{\"S\":\"{sk}\"}}}}'"
    )
}
