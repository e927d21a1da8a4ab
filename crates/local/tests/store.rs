//! The store in a file, from the outside.

use std::fs;
use std::path::PathBuf;

use check_testkit::store_contract;
use local::{Memory, Store};

/// A file of this test alone.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{name}"));
    let _ = fs::remove_dir_all(&folder);
    folder.join("new/synthetics.db")
}

#[tokio::test]
async fn contract_holds() {
    store_contract::assert_holds(&Memory::default()).await;
    store_contract::assert_holds(&Store::open(&file("contract")).unwrap()).await;
}
