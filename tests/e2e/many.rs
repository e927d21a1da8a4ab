//! Memory of a function that reconciles thousands of payments.

use std::time::Duration;

use demo_platform::Options;

use crate::world::World;

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_payments_fit_in_a_small_function() {
    let few = World::new("few-payments").await;
    let function = few.start("reconciliation").await;
    assert_eq!(few.run(&function).await.outcome(), "passed");
    let idle = function.peak_memory();

    // The platform lists one day of payments: more than 8,000.
    let options = Options { payments_every: Duration::from_secs(10), ..Options::default() };
    let mut world = World::with_options("many-payments", options).await;
    world.replace("schools = [1, 3]", "schools = [1, 3]\nmax_payments = 100000");
    let function = world.start("reconciliation").await;
    for _ in 0..2 {
        let invoked = world.run(&function).await;
        assert_eq!(invoked.outcome(), "passed", "{}", invoked.report()["outcome"]);
    }
    let peak = function.peak_memory();
    println!("peak memory: {} MiB with few payments, {} MiB with thousands", idle / MIB, peak / MIB);
    assert!(peak < 128 * MIB && peak < idle + 48 * MIB, "{} MiB, idle {} MiB", peak / MIB, idle / MIB);
}
