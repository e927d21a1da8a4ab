//! Tests of starting and stopping the platform.

use std::net::SocketAddr;
use std::time::Duration;

use demo_platform::{DemoPlatform, Options, StartError};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::wire::{address, get, platform};

#[tokio::test]
async fn a_taken_port_is_reported_with_a_hint() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = other.local_addr().unwrap();
    let public = Options { address: taken, ..Options::default() };
    let admin = Options { admin_port: taken.port(), ..Options::default() };
    for (options, name) in [(public, "the platform"), (admin, "the admin endpoint")] {
        let error = DemoPlatform::start(options).await.err().unwrap();
        assert!(matches!(error, StartError::PortTaken { address, .. } if address == taken));
        let expected =
            format!("start the demo platform: expected {name} at {taken}, found the port taken by another program");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_foreign_address_is_reported() {
    // 192.0.2.0/24 is reserved for documentation, so this machine cannot have it.
    let options = Options { address: "192.0.2.1:0".parse().unwrap(), ..Options::default() };
    let error = DemoPlatform::start(options).await.err().unwrap();
    assert!(matches!(error, StartError::Address { .. }), "{error}");
}

#[tokio::test]
async fn the_admin_endpoint_is_always_on_loopback() {
    let options = Options { address: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let platform = DemoPlatform::start(options).await.unwrap();
    assert_eq!(get(platform.base_url(), "/api/status", &[]).await.status, 200);
    let admin: SocketAddr = address(platform.admin_url()).parse().unwrap();
    assert!(admin.ip().is_loopback());
    assert_eq!(get(platform.admin_url(), "/faults", &[]).await.status, 200);
}

#[tokio::test]
async fn stop_frees_the_ports_and_closes_connections() {
    let platform = platform().await;
    let at: SocketAddr = address(platform.base_url()).parse().unwrap();
    let admin: SocketAddr = address(platform.admin_url()).parse().unwrap();
    assert_eq!(get(platform.base_url(), "/", &[]).await.status, 200);
    let mut open = TcpStream::connect(at).await.unwrap();
    platform.stop().await;
    let ended = timeout(Duration::from_secs(5), open.read_u8()).await.expect("the connection stayed open");
    assert!(ended.is_err());
    let options = Options { address: at, admin_port: admin.port(), ..Options::default() };
    let again = DemoPlatform::start(options).await.unwrap();
    assert_eq!(get(again.base_url(), "/", &[]).await.status, 200);
}

#[tokio::test]
async fn dropping_stops_the_platform() {
    let platform = platform().await;
    let mut open = TcpStream::connect(address(platform.base_url())).await.unwrap();
    assert_eq!(get(platform.base_url(), "/", &[]).await.status, 200);
    drop(platform);
    assert!(timeout(Duration::from_secs(5), open.read_u8()).await.expect("the connection stayed open").is_err());
}
