//! A proxy that hands on late what the server says.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::address;

/// The port of a proxy before another port; it ends with the test's runtime.
pub async fn delaying(port: u16, delay: Duration) -> u16 {
    let listener = TcpListener::bind(address(0)).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(address(port)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                    tokio::time::sleep(delay).await;
                    if to_client.write_all(&bytes[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    own
}
