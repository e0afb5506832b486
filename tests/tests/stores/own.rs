//! A user's own store passes the suite: the guide shows this very file.

#[path = "../../../isr-layer/src/guide/sqlite_store.rs"]
#[expect(
    unreachable_pub,
    reason = "a reader copies the file into a crate of his own"
)]
mod sqlite_store;

use isr_layer::testing::store_suite;

use self::sqlite_store::SqliteStore;

#[tokio::test]
async fn a_store_over_sqlite_keeps_its_promises() {
    let folder = std::env::temp_dir().join(format!("isr-own-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("store.db");

    store_suite(|| async { SqliteStore::open(&file).unwrap() }).await;

    std::fs::remove_dir_all(&folder).unwrap();
}
