//! Marks on DynamoDB. People write and read them; no function may, since its policy covers the partition of its check only.
//!
//! | attribute | type | content |
//! |---|---|---|
//! | `pk`, `sk` | S | `OPERATOR#MARKS`, `<time>#<text>` |
//! | `mark` | S | the mark, JSON |
//! | `expires_at` | N | time from which the table may remove it, Unix seconds |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use check::incident::{IncidentRecord, Mark};
use jiff::Timestamp;
use serde_json::json;

use crate::item::{Item, number};

/// Partition key of all marks.
pub(crate) const PARTITION: &str = "OPERATOR#MARKS";

/// First sort key of the marks of a time or later.
pub(crate) fn sort_key_from(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%S%.3fZ").to_string()
}

/// Builds the item of a mark. The same mark again replaces it.
pub(crate) fn written(mark: &Mark) -> Item {
    let text = |value: String| AttributeValue::S(value);
    HashMap::from([
        ("pk".to_owned(), text(PARTITION.to_owned())),
        ("sk".to_owned(), text(format!("{}#{}", sort_key_from(mark.at), mark.text))),
        ("mark".to_owned(), text(json!(mark).to_string())),
        ("expires_at".to_owned(), number((mark.at + IncidentRecord::KEPT).as_second())),
    ])
}

/// Reads a mark. Malformed contents are an error that names the attribute.
pub(crate) fn read(item: &Item) -> Result<Mark, String> {
    let text = item.get("mark").and_then(|value| value.as_s().ok()).ok_or("attribute mark: expected a string")?;
    serde_json::from_str(text).map_err(|error| format!("attribute mark: {error}"))
}
