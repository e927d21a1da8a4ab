//! State and incident records as operators use them.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use check::incident::{CheckState, IncidentRecord, Mark};
use jiff::Timestamp;
use runtime::{CommitError, OperatorStore, PortError};

use crate::clients::port_error;
use crate::item::{json, number, unreadable};
use crate::operator::config::{NoAccess, config};
use crate::operator::{marks, record};
use crate::record::sort_key_from;
use crate::state::{Table, Update, state_key};

impl Table {
    /// Connects to the table of this name as an operator, with the credentials of the AWS CLI.
    ///
    /// # Errors
    /// When no region is given, nor set in variables or profile, or there are no credentials.
    pub async fn for_operator(name: impl Into<String>, region: Option<String>) -> Result<Self, NoAccess> {
        let config = config(region).await?;
        Ok(Self::new(Client::new(&config), name))
    }
}

#[async_trait]
impl OperatorStore for Table {
    async fn amend(&self, check: &str, expected_version: u64, state: &CheckState) -> Result<(), CommitError> {
        let operation = format!("write the state of {check}");
        let json = json(state).map_err(|error| PortError::new(&operation, error.to_string()))?;
        let names = HashMap::from([("#state".to_owned(), "state".to_owned())]);
        let mut values =
            HashMap::from([(":version".to_owned(), number(expected_version + 1)), (":state".to_owned(), json)]);
        let mut expression = "SET version = :version, #state = :state".to_owned();
        let condition = if expected_version == 0 {
            values.insert(":last_run".to_owned(), AttributeValue::M(HashMap::new()));
            values.insert(":outbox".to_owned(), AttributeValue::M(HashMap::new()));
            expression.push_str(", last_run = :last_run, outbox = :outbox");
            "attribute_not_exists(pk)".to_owned()
        } else {
            values.insert(":expected".to_owned(), number(expected_version));
            "version = :expected".to_owned()
        };
        self.update(check, Update { expression, condition, names, values }, &operation).await
    }

    async fn clear_memory(&self, check: &str) -> Result<(), PortError> {
        // A run in progress expects the old version, so it reads the item again.
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(state_key(check)))
            .update_expression("SET version = version + :one REMOVE memory")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| port_error(format!("clear the memory of {check}"), error))
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        let operation = format!("read the incidents of {check}");
        let mut records = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(format!("CHECK#{check}")))
            .expression_attribute_values(":from", AttributeValue::S(sort_key_from(after)))
            .expression_attribute_values(":to", AttributeValue::S(record::LAST_SORT_KEY.to_owned()))
            .scan_index_forward(false)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(&operation, error))?;
            for item in page.items() {
                records.push(
                    record::read(check, item)
                        .map_err(|detail| PortError::new(&operation, unreadable(&self.name, item, &detail)))?,
                );
            }
        }
        Ok(records)
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), PortError> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(marks::written(mark)));
        call.send().await.map(|_| ()).map_err(|error| port_error("store the mark", error))
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        let operation = "read the marks";
        let mut found = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk >= :from")
            .expression_attribute_values(":pk", AttributeValue::S(marks::PARTITION.to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(marks::sort_key_from(after)))
            .scan_index_forward(false)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(operation, error))?;
            for item in page.items() {
                let mark = marks::read(item);
                found.push(mark.map_err(|detail| PortError::new(operation, unreadable(&self.name, item, &detail)))?);
            }
        }
        Ok(found)
    }
}
