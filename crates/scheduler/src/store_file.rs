//! The file of the store. Others may remove it while checks run.

use std::sync::Arc;
use std::time::Duration;

use local::Store;
use runtime::CancellationToken;

use crate::Event;
use crate::events::Events;

/// Interval between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Reports when the store is no longer the opened file, and when it is again, until it is stopped.
pub(crate) async fn look_after_the_file(store: Arc<Store>, events: Events, stop: CancellationToken) {
    let clock = events.clock();
    let mut is_lost = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(LOOK_EVERY) => {}
        }
        match store.confirm_file() {
            Err(error) if !is_lost => events.tell(Event::StoreLost(error)),
            Ok(()) if is_lost => events.tell(Event::StoreFound),
            Ok(()) | Err(_) => continue,
        }
        is_lost = !is_lost;
    }
}
