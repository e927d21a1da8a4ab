//! Redis, healthy and not.

use std::net::TcpStream;
use std::time::Duration;

use check::Cause;

use crate::redis::Redis;
use crate::world::World;
use check_testkit::servers::Proxy;
use check_testkit::servers::address;

#[tokio::test]
async fn a_user_with_the_documented_commands_sees_it_healthy() {
    let server = Redis::start(&["--maxmemory", "64mb"]);
    let observed = World::with_cache(server.port, "database = 3\nsaved_within = \"1h\"").run().await;
    let used = observed.passed().measured["CacheMemoryUsed"];
    assert!((0.1..20.0).contains(&used), "{used}");
    assert!(observed.measured["CacheLatency"] > 0.0);
}

#[tokio::test]
async fn without_a_limit_nothing_is_said_of_its_memory() {
    let server = Redis::start(&[]);
    let observed = World::with_cache(server.port, "").run().await;
    assert!(!observed.passed().measured.contains_key("CacheMemoryUsed"), "{:?}", observed.measured);
}

#[tokio::test]
async fn a_cache_that_is_down_is_connect_and_recovers() {
    let mut server = Redis::start(&[]);
    let world = World::with_cache(server.port, "");
    world.run().await.passed();
    server.stop();
    world.run().await.failed("cache connect connect");
    server.restart();
    world.run().await.passed();
}

#[tokio::test]
async fn a_wrong_password_cannot_be_judged() {
    let server = Redis::start(&[]);
    let mut world = World::with_cache(server.port, "");
    world.secrets.insert("cache", "of-yesterday".to_owned());
    let observed = world.run().await;
    assert_eq!(observed.inconclusive().cause, Cause::Credentials);
    assert!(observed.inconclusive().detail.contains("backend/cache-password"), "{}", observed.inconclusive().detail);
}

#[tokio::test]
async fn a_slow_one_is_late() {
    let server = Redis::start(&[]);
    let slow = Proxy::start(server.port, Duration::from_millis(2_500)).await.port;
    World::with_cache(slow, "").run().await.failed("cache connect timeout");
}

#[tokio::test]
async fn a_memory_that_is_full_shows() {
    let server = Redis::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let answer = server.fill(400);
    assert!(answer.starts_with("-OOM"), "{answer}");
    let observed = World::with_cache(server.port, "").run().await;
    assert!(observed.passed().measured["CacheMemoryUsed"] >= 95.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn what_it_throws_out_is_a_rate_between_runs_and_a_restart_makes_it_unknown() {
    let mut server = Redis::start(&["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"]);
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
async fn whom_it_turns_away_is_a_rate_and_when_that_is_us_a_failure() {
    let server = Redis::start(&["--maxclients", "4"]);
    let world = World::with_cache(server.port, "");
    server.has_run_for(Duration::from_secs(8)).await;
    world.run().await.passed();
    // Until our own connection is gone.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(address(server.port)).unwrap()).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let said = world.run().await.failed("cache connect connect");
    assert!(said.contains("as many clients as it takes"), "{said}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let observed = world.run().await;
    // Ours, both attempts.
    assert!(observed.passed().measured["CacheRejectedConnections"] > 0.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn a_snapshot_that_failed_is_a_failure() {
    let server = Redis::start(&[]);
    // The owner of the machine may write anywhere, but not to a folder that is gone.
    std::fs::remove_dir_all(server.folder.path()).unwrap();
    server.tell(&["SET key value".to_owned(), "BGSAVE".to_owned()]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let said = World::with_cache(server.port, "").run().await.failed("cache info assertion");
    assert!(said.contains("the last snapshot failed"), "{said}");
}
