//! One directory is used by one store at a time.

use isr_layer::store::StoreErrorKind;

use super::child::Holder;
use super::*;

#[test]
fn a_second_store_of_one_process_is_refused_with_the_path() {
    let dir = Dir::new();
    let first = open(&dir.store());

    let error = Disk::open(dir.store()).unwrap_err();

    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let text = error.to_string();
    assert!(text.contains(&dir.store().display().to_string()), "{text}");
    drop(first);
    drop(open(&dir.store()));
}

#[test]
fn a_second_process_is_refused_with_the_path() {
    let dir = Dir::new();
    let other = Holder::start(&dir.store());

    let error = Disk::open(dir.store()).unwrap_err();

    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let text = error.to_string();
    assert!(text.contains(&dir.store().display().to_string()), "{text}");
    other.close();
    drop(open(&dir.store()));
}

#[test]
fn a_process_that_was_killed_keeps_no_lock() {
    let dir = Dir::new();
    Holder::start(&dir.store()).kill();

    drop(open(&dir.store()));
}

#[test]
fn a_restart_can_wait_for_the_process_before() {
    let dir = Dir::new();
    let other = Holder::start(&dir.store());
    let path = dir.store();

    let opening = std::thread::spawn(move || {
        let limit = Duration::from_secs(60);
        Disk::options().wait_for_lock(limit).open(path).is_ok()
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(!opening.is_finished());
    other.close();

    assert!(opening.join().unwrap());
}

#[test]
fn waiting_for_the_process_before_has_its_limit() {
    let dir = Dir::new();
    let other = Holder::start(&dir.store());

    let limit = Duration::from_millis(60);
    let error = Disk::options().wait_for_lock(limit).open(dir.store());

    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::InUse);
    other.close();
}

#[test]
fn options_that_cannot_be_are_refused_before_anything_is_opened() {
    let dir = Dir::new();

    let bytes = Disk::options().max_bytes(0).open(dir.store()).unwrap_err();
    let builds = Disk::options()
        .keep_builds(0)
        .open(dir.store())
        .unwrap_err();

    assert!(bytes.to_string().contains("`max_bytes`"), "{bytes}");
    assert!(builds.to_string().contains("`keep_builds`"), "{builds}");
    assert!(!dir.store().exists());
}

#[test]
fn a_program_can_say_how_many_pages_it_found() {
    let dir = Dir::new();
    let disk = open(&dir.store());
    for key in ["a", "b", "c"] {
        put(&disk, key, 0, key).unwrap();
    }
    drop(disk);

    let disk = Disk::open(dir.store()).unwrap();

    assert_eq!(disk.pages_of("build"), 3);
    assert_eq!(disk.pages_of("another"), 0);
}

#[test]
fn a_store_works_on_any_runtime_and_goes_on_if_a_call_is_given_up() {
    fn is_shared<T: Send + Sync + 'static>(_: &T) {}

    let dir = Dir::new();
    let disk = open(&dir.store());
    is_shared(&disk);
    assert!(format!("{disk:?}").contains("store"));
    let threads = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
    };
    let one = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };

    for runtime in [threads().unwrap(), one().unwrap()] {
        runtime.block_on(async {
            let before = disk.record(&[Mark::soft("a")]).await.unwrap();
            let marks = [Mark::soft("a")];
            let given_up = disk.record(&marks);
            let _ = tokio::time::timeout(Duration::ZERO, given_up).await;
            assert!(disk.record(&[Mark::soft("a")]).await.unwrap() > before);
        });
    }
}
