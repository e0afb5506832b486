//! The store on a disk keeps every promise.

use isr_layer::store::Disk;
use isr_layer::testing::store_suite;

#[tokio::test]
async fn a_store_on_a_disk_keeps_its_promises() {
    let name = format!("isr-disk-suite-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);

    store_suite(|| async { Disk::open(&folder).expect("the folder is ours") }).await;

    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}
