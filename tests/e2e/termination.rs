//! SIGTERM to the function binary.

use std::time::Duration;

use crate::world::{World, scheduled};

#[tokio::test(flavor = "multi_thread")]
async fn terminated_function_undoes_and_reports() {
    let world = World::new("terminated").await;
    let function = world.start("booking").await;
    let event = scheduled(world.minute());
    let created = async {
        while world.platform.leftovers().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        function.terminate();
    };
    let (invoked, ()) = tokio::join!(function.invoke(&event), created);
    let outcome = &invoked.report()["outcome"];
    assert_eq!(outcome["inconclusive"]["cause"], "interrupted", "{outcome}");
    assert_eq!(outcome["inconclusive"]["detail"], "stopped on request; undone: booking, log-out");
    assert_eq!(function.ended().await, Some(0));
    assert_eq!((world.platform.leftovers(), world.platform.logged_in()), (Vec::new(), 0));
    // The interrupted run is recorded like any other, and the next one passes.
    let calls: Vec<String> = world.calls.take().into_iter().filter(|call| call != "GetParameter").collect();
    assert_eq!(calls, ["GetItem", "UpdateItem", "PutMetricData"]);
    let next = world.run(&world.start("booking").await).await;
    assert_eq!(next.outcome(), "passed", "{:#}", next.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_function_ends_at_once() {
    let world = World::new("idle").await;
    let function = world.start("availability").await;
    assert_eq!(world.run(&function).await.outcome(), "passed");
    function.terminate();
    assert_eq!(function.ended().await, Some(0));
}
