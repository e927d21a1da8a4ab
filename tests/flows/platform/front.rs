//! The server in front of the platform: forwards all requests, and replaces the answers to one of them.

use std::sync::{Arc, Mutex};

use hostile::Server;

use super::answer::Answer;
use crate::attack::{Arrived, Attack, Record};
use crate::behavior::Behavior;

/// Starts the server. The platform handles every request, also those whose answer is replaced, except in maintenance mode.
pub async fn start(platform: String, attack: Option<Attack>, record: Arc<Mutex<Record>>) -> Server {
    Server::plain(move |request| {
        let place = record.lock().unwrap().next(self::request(request));
        if let Some(attack) = &attack
            && attack.is_down(&place, &record.lock().unwrap())
        {
            let page = maintenance(attack.behavior, &place.request);
            record.lock().unwrap().arrived.push(Arrived { place, behaviors: Vec::new() });
            return vec![hostile::Action::Send(page)];
        }
        // The platform runs in the same process. It stops at the end of the run.
        let answer = tokio::task::block_in_place(|| Answer::fetch(&platform, request));
        let Ok(answer) = answer else { return Vec::new() };
        let mut record = record.lock().unwrap();
        let applies = |behavior: &Behavior| attack.is_none() && behavior.applies_to(&answer);
        let behaviors = Behavior::PLATFORM.into_iter().filter(applies);
        let behaviors = behaviors.map(|behavior| behavior.name().to_owned()).collect();
        record.arrived.push(Arrived { place: place.clone(), behaviors });
        match &attack {
            Some(attack) if !attack.behavior.is_planned() && attack.hits(&place) => attack.behavior.script(answer),
            _ => vec![hostile::Action::Send(answer.bytes())],
        }
    })
    .await
}

/// Starts a server that answers every request with this behavior.
pub async fn alone(behavior: Behavior) -> Server {
    let answer = || Answer { head: "HTTP/1.1 200 OK\r\n".to_owned(), body: Vec::new() };
    Server::plain(move |_| behavior.script(answer())).await
}

/// Answer of a Laravel application in maintenance mode.
fn maintenance(behavior: Behavior, request: &str) -> Vec<u8> {
    const PAGE: &str = "/maintenance";
    let (head, body) = if behavior == Behavior::MaintenanceByRedirect && !request.ends_with(PAGE) {
        (format!("HTTP/1.1 302 Found\r\nLocation: {PAGE}\r\n"), "")
    } else {
        let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nRetry-After: 60\r\n";
        (head.to_owned(), "<html><head><title>Service Unavailable</title></head></html>")
    };
    Answer { head, body: body.into() }.bytes()
}

/// Method and path of a request.
pub fn request(request: &str) -> String {
    let line = request.lines().next().unwrap_or_default();
    let mut words = line.split([' ', '?']);
    format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
}
