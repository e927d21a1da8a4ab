//! The steps on a real Redis, healthy and failing.

use std::net::TcpStream;
use std::time::Duration;

use check::Cause;

use crate::start;
use crate::world::World;
use check_testkit::servers::{Proxy, address};

#[tokio::test]
async fn documented_commands_suffice_for_all_steps() {
    let server = start::redis(&["--maxmemory", "64mb"]);
    let observed = World::with_cache(server.port, "database = 3\nsaved_within = \"1h\"").run().await;
    let used = observed.passed().measured["CacheMemoryUsed"];
    assert!((0.1..20.0).contains(&used), "{used}");
    assert!(observed.measured["CacheLatency"] > 0.0);
}

#[tokio::test]
async fn memory_is_not_measured_without_a_limit() {
    let server = start::redis(&[]);
    let observed = World::with_cache(server.port, "").run().await;
    assert!(!observed.passed().measured.contains_key("CacheMemoryUsed"), "{:?}", observed.measured);
}

#[tokio::test]
async fn unavailable_cache_fails_to_connect_and_recovers() {
    let mut server = start::redis(&[]);
    let world = World::with_cache(server.port, "");
    world.run().await.passed();
    server.stop();
    world.run().await.failed("cache connect connect");
    server.restart();
    world.run().await.passed();
}

#[tokio::test]
async fn wrong_password_is_inconclusive() {
    let server = start::redis(&[]);
    let mut world = World::with_cache(server.port, "");
    world.secrets.insert("cache", "of-yesterday".to_owned());
    let observed = world.run().await;
    assert_eq!(observed.inconclusive().cause, Cause::Credentials);
    assert!(observed.inconclusive().detail.contains("backend/cache-password"), "{}", observed.inconclusive().detail);
}

#[tokio::test]
async fn slow_cache_times_out() {
    let server = start::redis(&[]);
    let slow = Proxy::start(server.port, Duration::from_millis(2_500)).await.port;
    World::with_cache(slow, "").run().await.failed("cache connect timeout");
}

#[tokio::test]
async fn full_memory_is_measured() {
    let server = start::redis(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let answer = server.fill(400);
    assert!(answer.starts_with("-OOM"), "{answer}");
    let observed = World::with_cache(server.port, "").run().await;
    assert!(observed.passed().measured["CacheMemoryUsed"] >= 95.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn restart_makes_the_eviction_rate_unknown() {
    let mut server = start::redis(&["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"]);
    let world = World::with_cache(server.port, "");
    server.has_run_for(Duration::from_secs(3)).await;
    assert!(!world.run().await.passed().measured.contains_key("CacheEvictionRate"));
    assert_eq!(server.fill(1_000), "+OK");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let observed = world.run().await;
    assert!(observed.passed().measured["CacheEvictionRate"] > 600.0, "{:?}", observed.measured);
    assert_eq!(observed.measured["CacheRejectedConnections"], 0.0);

    server.restart();
    let observed = world.run_after(Duration::from_secs(60)).await;
    for rate in ["CacheEvictionRate", "CacheRejectedConnections"] {
        assert!(!observed.passed().measured.contains_key(rate), "{rate}: {:?}", observed.measured);
    }
}

#[tokio::test]
async fn refused_connection_fails_and_is_measured_later() {
    let server = start::redis(&["--maxclients", "4"]);
    let world = World::with_cache(server.port, "");
    server.has_run_for(Duration::from_secs(8)).await;
    world.run().await.passed();
    // Wait until the check's connection is closed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(address(server.port)).unwrap()).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let text = world.run().await.failed("cache connect connect");
    assert!(text.contains("at its client limit"), "{text}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let observed = world.run().await;
    // Both attempts of the failed run were refused.
    assert!(observed.passed().measured["CacheRejectedConnections"] > 0.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn failed_snapshot_fails() {
    let server = start::redis(&[]);
    // Tests may run as root, who may write anywhere but not to a missing folder.
    std::fs::remove_dir_all(server.folder.path()).unwrap();
    server.send(&["SET key value".to_owned(), "BGSAVE".to_owned()]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let text = World::with_cache(server.port, "").run().await.failed("cache info assertion");
    assert!(text.contains("the last snapshot failed"), "{text}");
}
