//! The proxy in front of a store: forwards everything, and replaces some messages of the server.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::message::{Message, Messages, Protocol, Replacement, drip};
use crate::attack::{Arrived, Attack, Record};
use crate::behavior::Behavior;

const BUFFER: usize = 1 << 14;

/// A running proxy, which stops when it is dropped.
pub struct Front {
    /// Port on which it listens.
    pub port: u16,
    task: tokio::task::JoinHandle<()>,
}

/// Settings of a proxy.
#[derive(Clone)]
struct Proxy {
    server: u16,
    protocol: Protocol,
    /// Password of the client, which errors quote.
    secret: String,
    attack: Option<Attack>,
    record: Arc<Mutex<Record>>,
}

impl Front {
    /// Starts a proxy to a port of this machine.
    pub async fn start(
        server: u16,
        protocol: Protocol,
        secret: String,
        attack: Option<Attack>,
        record: Arc<Mutex<Record>>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let proxy = Proxy { server, protocol, secret, attack, record };
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = proxy.clone();
                // An error means that one side has disconnected.
                tokio::spawn(async move { proxy.forward(client).await });
            }
        });
        Ok(Self { port, task })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn forward(&self, mut client: TcpStream) -> Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.server)).await?;
        client.set_nodelay(true)?;
        let (mut from_client, mut from_server) = ([0; BUFFER], [0; BUFFER]);
        let mut messages = Messages::new(self.protocol);
        let (mut is_dripping, mut is_answered) = (false, false);
        loop {
            tokio::select! {
                read = client.read(&mut from_client) => {
                    let read = read?;
                    if read == 0 {
                        return Ok(());
                    }
                    is_answered = false;
                    server.write_all(&from_client[..read]).await?;
                }
                read = server.read(&mut from_server) => {
                    let read = read?;
                    if read == 0 {
                        return Ok(());
                    }
                    messages.push(&from_server[..read]);
                    while let Some(message) = messages.take() {
                        match self.replacement(&message) {
                            _ if is_answered => {}
                            Some(Replacement::Drip) => {
                                is_dripping = true;
                                hostile::play(&mut client, drip(&message.bytes)).await?;
                            }
                            Some(Replacement::Message(bytes)) => client.write_all(&bytes).await?,
                            Some(Replacement::Answer(bytes)) => {
                                is_answered = true;
                                client.write_all(&bytes).await?;
                            }
                            Some(Replacement::End(script)) => return Ok(hostile::play(&mut client, script).await?),
                            None if is_dripping => hostile::play(&mut client, drip(&message.bytes)).await?,
                            None => client.write_all(&message.bytes).await?,
                        }
                    }
                }
            }
        }
    }

    /// Records a message, and returns its replacement if it is attacked.
    fn replacement(&self, message: &Message) -> Option<Replacement> {
        let place = self.record.lock().unwrap().next(message.name.clone()?);
        // Similar messages follow in the same order in every run.
        let variant = place
            .request
            .bytes()
            .filter(u8::is_ascii_digit)
            .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
        let replaced = |behavior: Behavior| message.replaced(behavior, &self.secret, variant);
        let behaviors = match &self.attack {
            None => Behavior::STORE.into_iter().filter(|behavior| replaced(*behavior).is_some()).collect(),
            Some(_) => Vec::new(),
        };
        let behaviors = behaviors.into_iter().map(|behavior: Behavior| behavior.name().to_owned()).collect();
        self.record.lock().unwrap().arrived.push(Arrived { place: place.clone(), behaviors });
        replaced(self.attack.as_ref().filter(|attack| attack.hits(&place))?.behavior)
    }
}
