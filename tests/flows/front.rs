//! The server in front of the platform: forwards all requests, and replaces the answers to one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use hostile::Server;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::behavior::{self, Behavior};

/// A request of a flow: the n-th of its method and path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Method and path, such as `GET /login`.
    pub request: String,
    /// Number among the requests with this method and path, from 0.
    pub number: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.request, self.number + 1)
    }
}

/// A request that arrived, and the behaviors that apply to its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrived {
    pub place: Place,
    pub behaviors: Vec<String>,
}

/// Requests so far.
#[derive(Default)]
pub struct Record {
    counts: BTreeMap<String, usize>,
    /// Requests in the order of their answers.
    pub arrived: Vec<Arrived>,
}

/// A hostile behavior from a request on: later requests with the same method and path meet it too, so that a second
/// attempt does.
#[derive(Clone)]
pub struct Attack {
    pub behavior: Behavior,
    pub from: Place,
}

/// Starts the server. The platform handles every request, also those whose answer is replaced.
pub async fn start(platform: String, attack: Option<Attack>, record: Arc<Mutex<Record>>) -> Server {
    if attack.as_ref().is_some_and(|attack| attack.behavior == Behavior::GzipBomb) {
        // Not while a request waits.
        behavior::bomb();
    }
    Server::plain(move |request| {
        let place = arrived(&record, request);
        // The platform runs in the same process. It stops at the end of the run.
        let answer = tokio::task::block_in_place(|| Answer::fetch(&platform, request));
        let Ok(answer) = answer else { return Vec::new() };
        let mut record = record.lock().unwrap();
        let behaviors = Behavior::ALL.into_iter().filter(|behavior| attack.is_none() && behavior.applies_to(&answer));
        let behaviors = behaviors.map(|behavior| behavior.name().to_owned()).collect();
        record.arrived.push(Arrived { place: place.clone(), behaviors });
        match &attack {
            Some(Attack { behavior, from }) if from.request == place.request && from.number <= place.number => {
                behavior.script(answer)
            }
            _ => vec![hostile::Action::Send(answer.bytes())],
        }
    })
    .await
}

fn arrived(record: &Mutex<Record>, request: &str) -> Place {
    let line = request.lines().next().unwrap_or_default();
    let mut words = line.split([' ', '?']);
    let request = format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut record = record.lock().unwrap();
    let count = record.counts.entry(request.clone()).or_default();
    *count += 1;
    Place { number: *count - 1, request }
}
