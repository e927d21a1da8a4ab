//! Redis, and Valkey, which speaks the same.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{Mismatch, StepEnded};
use probe::{Host, HostPort};
use redis::{Pipeline, RedisError, Value};
use runtime::Step;

use crate::Store;
use crate::line::{Line, Refusal};

/// How many nodes of a cluster are asked at most, the first one included.
const MOST_NODES: usize = 4;

/// A connection to a server, or to a node of a cluster.
pub struct Redis {
    line: Line,
    store: Store,
    database: u32,
    deadline: Duration,
}

/// One answer of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(pub Value);

impl Reply {
    /// A whole number: as such, or as a text. `None`: it is none.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match &self.0 {
            Value::Int(number) => Some(*number),
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Value::SimpleString(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Bytes, such as the payload of a job. `None`: there is nothing.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Value::BulkString(bytes) => Some(bytes),
            Value::SimpleString(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> Vec<Self> {
        match &self.0 {
            Value::Array(items) => items.iter().cloned().map(Self).collect(),
            _ => Vec::new(),
        }
    }
}

/// What `INFO` tells, by its names.
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
    /// Connects, says who we are and chooses the database: one exchange.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded. A password that is refused is no failure of the store: it could not be judged.
    pub async fn connect(step: &Step<'_>, store: &Store, database: u32, deadline: Duration) -> Result<Self, StepEnded> {
        let opened = match Line::open(step, store, &store.place, database, deadline).await? {
            Ok(line) => {
                step.check("connected", Ok(()))?;
                Ok(line)
            }
            Err(refusal) => {
                step.check("connected", Err(refusal.mismatch(step, store)?))?;
                Err(StepEnded)
            }
        };
        Ok(Self { line: opened?, store: store.clone(), database, deadline })
    }

    /// Asks all at once: one exchange. In a cluster each command must be about one key; those whose keys another node has
    /// are asked there, one exchange for each such node.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded, when there is no answer or one of the commands is refused.
    pub async fn ask(&mut self, step: &Step<'_>, pipeline: &Pipeline) -> Result<Vec<Reply>, StepEnded> {
        match self.answers(step, pipeline).await? {
            Ok(replies) => {
                step.check("answered", Ok(()))?;
                Ok(replies)
            }
            Err(refusal) => {
                let mismatch = refusal.mismatch(step, &self.store)?;
                step.check("answered", Err(mismatch))?;
                Err(StepEnded)
            }
        }
    }

    async fn answers(
        &mut self,
        step: &Step<'_>,
        pipeline: &Pipeline,
    ) -> Result<Result<Vec<Reply>, Refusal>, StepEnded> {
        let mut answers = match self.line.exchange(pipeline).await {
            Ok(answers) => answers,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for _ in 1..MOST_NODES {
            let moved = |answer: &Value| moved(answer, &self.store.place.host);
            let Some(node) = answers.iter().find_map(moved) else { break };
            let places: Vec<usize> =
                (0..answers.len()).filter(|place| moved(&answers[*place]).as_ref() == Some(&node)).collect();
            let mut there = redis::pipe();
            for place in &places {
                if let Some(command) = pipeline.cmd_iter().nth(*place) {
                    there.add_command(command.clone());
                }
            }
            let mut other = match Line::open(step, &self.store, &node, self.database, self.deadline).await? {
                Ok(line) => line,
                Err(refusal) => return Ok(Err(refusal)),
            };
            match other.exchange(&there).await {
                Ok(found) => {
                    for (place, answer) in places.into_iter().zip(found) {
                        answers[place] = answer;
                    }
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let refused = answers.iter().enumerate().find_map(|(place, answer)| match answer {
            Value::ServerError(error) => Some((place, RedisError::from(error.clone()))),
            _ => None,
        });
        Ok(match refused {
            Some((place, error)) => Err(match (self.line.refusal(&error), pipeline.cmd_iter().nth(place)) {
                (Refusal::Failed(mismatch), Some(command)) => {
                    Refusal::Failed(Mismatch { evidence: Some(written(command)), ..mismatch })
                }
                (refusal, _) => refusal,
            }),
            None => Ok(answers.into_iter().map(Reply).collect()),
        })
    }
}

/// The node of the cluster that has the key. One that tells no name of its own is where the first one is.
fn moved(answer: &Value, here: &Host) -> Option<HostPort> {
    let Value::ServerError(error) = answer else { return None };
    if error.code() != "MOVED" {
        return None;
    }
    let (_, node) = error.details()?.split_once(' ')?;
    let (host, port) = node.rsplit_once(':')?;
    let host = match host {
        "" => here.clone(),
        // An address of IPv6 comes without the brackets that URLs have.
        host if host.contains(':') && !host.starts_with('[') => Host::parse(&format!("[{host}]")).ok()?,
        host => Host::parse(host).ok()?,
    };
    Some(HostPort { host, port: port.parse().ok()? })
}

/// A command and what it is about.
fn written(command: &redis::Cmd) -> String {
    let words = command.args_iter().take(2).filter_map(|argument| match argument {
        redis::Arg::Simple(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_as_such_or_as_texts() {
        let text = |text: &str| Reply(Value::BulkString(text.as_bytes().to_vec()));
        assert_eq!(Reply(Value::Int(7)).number(), Some(7));
        assert_eq!((text("1789").number(), text("x").number(), Reply(Value::Nil).number()), (Some(1789), None, None));
        assert_eq!(Reply(Value::Array(vec![Value::Int(1)])).items(), [Reply(Value::Int(1))]);
    }

    #[test]
    fn another_node_is_where_the_answer_says() {
        let here = Host::parse("cache.internal").unwrap();
        let node = |answer: &str| {
            let answer = redis::parse_redis_value(format!("{answer}\r\n").as_bytes()).unwrap();
            moved(&answer, &here).map(|place| place.to_string())
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
    fn info_is_read_by_its_names() {
        let reply = Reply(Value::BulkString(b"# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\n\r\n".to_vec()));
        let read = info(&reply);
        assert_eq!((read["used_memory"].as_str(), read["maxmemory"].as_str(), read.len()), ("1024", "0", 2));
    }
}
