//! Client for Redis, and for Valkey, which uses the same protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{StepEnded, foreign};
use probe::{Host, HostPort};
use redis::{Pipeline, RedisError, Value};
use runtime::Step;

use crate::Store;
use crate::redis_connection::{Connection, Refusal};

/// Maximum number of cluster nodes to query, including the first one.
const MAX_NODES: usize = 4;

/// Connection to a server, or to a node of a cluster.
pub struct Redis {
    connection: Connection,
    store: Store,
    database: u32,
    deadline: Duration,
}

/// One reply of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(pub Value);

impl Reply {
    /// Whole number, sent as an integer or as text; `None` for other replies.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match &self.0 {
            Value::Int(number) => Some(*number),
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Value::SimpleString(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Bytes, such as the payload of a job; `None` for other replies.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Value::BulkString(bytes) => Some(bytes),
            Value::SimpleString(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// Items of a list; empty for other replies.
    #[must_use]
    pub fn items(&self) -> Vec<Self> {
        match &self.0 {
            Value::Array(items) => items.iter().cloned().map(Self).collect(),
            _ => Vec::new(),
        }
    }
}

/// Fields of an `INFO` reply, by name.
#[must_use]
pub fn info(reply: &Reply) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(reply.bytes().unwrap_or_default()).into_owned();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

impl Redis {
    /// Connects, authenticates and selects the database, in one exchange.
    ///
    /// # Errors
    /// [`StepEnded`], with the reason recorded. Rejected credentials are inconclusive, not a failure of the store.
    pub async fn connect(step: &Step<'_>, store: &Store, database: u32, deadline: Duration) -> Result<Self, StepEnded> {
        let opened = Connection::open(step, store, &store.place, database, deadline).await?;
        let connection = opened.map_err(|refusal| refusal.record(step, store, "connected"))?;
        step.check("connected", Ok(()))?;
        Ok(Self { connection, store: store.clone(), database, deadline })
    }

    /// Sends all commands in one exchange. In a cluster each command must concern one key. Commands whose keys are on other
    /// nodes are sent there, in one exchange per node.
    ///
    /// # Errors
    /// [`StepEnded`], with the reason recorded, when a reply is missing or the server rejects a command.
    pub async fn ask(&mut self, step: &Step<'_>, pipeline: &Pipeline) -> Result<Vec<Reply>, StepEnded> {
        let replies = self.replies(step, pipeline).await?;
        let replies = replies.map_err(|refusal| refusal.record(step, &self.store, "answered"))?;
        step.check("answered", Ok(()))?;
        Ok(replies)
    }

    async fn replies(
        &mut self,
        step: &Step<'_>,
        pipeline: &Pipeline,
    ) -> Result<Result<Vec<Reply>, Refusal>, StepEnded> {
        let mut replies = match self.connection.exchange(pipeline).await {
            Ok(replies) => replies,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for _ in 1..MAX_NODES {
            let moved = |reply: &Value| moved(reply, &self.store.place.host);
            let Some(node) = replies.iter().find_map(moved) else { break };
            let indexes: Vec<usize> =
                (0..replies.len()).filter(|index| moved(&replies[*index]).as_ref() == Some(&node)).collect();
            let mut moved_commands = redis::pipe();
            for index in &indexes {
                if let Some(command) = pipeline.cmd_iter().nth(*index) {
                    moved_commands.add_command(command.clone());
                }
            }
            let mut other = match Connection::open(step, &self.store, &node, self.database, self.deadline).await? {
                Ok(line) => line,
                Err(refusal) => return Ok(Err(refusal)),
            };
            match other.exchange(&moved_commands).await {
                Ok(found) => {
                    for (index, reply) in indexes.into_iter().zip(found) {
                        replies[index] = reply;
                    }
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let refused = replies.iter().enumerate().find_map(|(index, reply)| match reply {
            Value::ServerError(error) => Some((index, RedisError::from(error.clone()))),
            _ => None,
        });
        Ok(match refused {
            Some((index, error)) => Err(match (self.connection.refusal(&error), pipeline.cmd_iter().nth(index)) {
                (Refusal::Failed(mismatch), Some(command)) => {
                    Refusal::Failed(mismatch.with_evidence(foreign(describe(command))))
                }
                (refusal, _) => refusal,
            }),
            None => Ok(replies.into_iter().map(Reply).collect()),
        })
    }
}

/// Cluster node that has the key, from a `MOVED` reply. A node without a name is on the first node's host.
fn moved(reply: &Value, here: &Host) -> Option<HostPort> {
    let Value::ServerError(error) = reply else { return None };
    if error.code() != "MOVED" {
        return None;
    }
    let (_, node) = error.details()?.split_once(' ')?;
    let (host, port) = node.rsplit_once(':')?;
    let host = match host {
        "" => here.clone(),
        // IPv6 addresses come without the brackets that URLs require.
        host if host.contains(':') && !host.starts_with('[') => Host::parse(&format!("[{host}]")).ok()?,
        host => Host::parse(host).ok()?,
    };
    Some(HostPort { host, port: port.parse().ok()? })
}

/// Name of a command and its first argument.
fn describe(command: &redis::Cmd) -> String {
    let parts = command.args_iter().take(2).filter_map(|argument| match argument {
        redis::Arg::Simple(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_integers_and_text() {
        let text = |text: &str| Reply(Value::BulkString(text.as_bytes().to_vec()));
        assert_eq!(Reply(Value::Int(7)).number(), Some(7));
        assert_eq!((text("1789").number(), text("x").number(), Reply(Value::Nil).number()), (Some(1789), None, None));
        assert_eq!(Reply(Value::Array(vec![Value::Int(1)])).items(), [Reply(Value::Int(1))]);
    }

    #[test]
    fn moved_reply_names_the_node() {
        let here = Host::parse("cache.internal").unwrap();
        let node = |answer: &str| {
            let answer = redis::parse_redis_value(format!("{answer}\r\n").as_bytes()).unwrap();
            moved(&answer, &here).map(|node| node.to_string())
        };
        for (answer, expected) in [
            ("-MOVED 3999 127.0.0.1:6381", Some("127.0.0.1:6381")),
            ("-MOVED 3999 other.internal:6381", Some("other.internal:6381")),
            ("-MOVED 3999 :6381", Some("cache.internal:6381")),
            ("-MOVED 3999 ::1:6381", Some("[::1]:6381")),
            ("-MOVED 3999", None),
            ("-MOVED 3999 not a host:port", None),
            ("-ASK 3999 127.0.0.1:6381", None),
            ("+MOVED 3999 127.0.0.1:6381", None),
        ] {
            assert_eq!(node(answer).as_deref(), expected, "{answer}");
        }
    }

    #[test]
    fn info_fields_are_read_by_name() {
        let reply = Reply(Value::BulkString(b"# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\n\r\n".to_vec()));
        let read = info(&reply);
        assert_eq!((read["used_memory"].as_str(), read["maxmemory"].as_str(), read.len()), ("1024", "0", 2));
    }
}
