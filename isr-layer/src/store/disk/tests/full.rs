use super::simulated::Machine;
use super::*;
use crate::store::StoreErrorKind;

fn large(key: u32) -> Write {
    Put::new(key.to_string(), 0, vec!["*".into()], vec![7; 10_000]).into()
}

/// Writes until the disk is full, and returns the error.
fn fill(disk: &Disk) -> StoreError {
    for key in 0..100_000 {
        if let Err(error) = disk.try_writes([large(key)]) {
            return error;
        }
    }
    panic!("the disk is never full");
}

fn open(dir: &Dir, machine: &Machine, reserve: u64) -> Disk {
    dir.open_with(Settings {
        sync_octets: 200_000,
        reserve,
        ..machine.settings()
    })
}

#[test]
fn a_full_disk_refuses_pages_with_its_kind_and_path() {
    let (dir, machine) = (Dir::new(), Machine::new(seed()));
    let disk = open(&dir, &machine, 0);
    machine.set_capacity(machine.used() + (8 << 20));

    let error = fill(&disk);

    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("pages.redb"), "{error}");
}

#[test]
fn the_bound_falls_below_what_fitted_and_pages_are_kept_again() {
    let (dir, machine) = (Dir::new(), Machine::new(seed()));
    let disk = open(&dir, &machine, 0);
    let room = 8 << 20;
    machine.set_capacity(machine.used() + room);
    fill(&disk);

    // It may fall more than once: until it holds, each failure costs a tenth.
    let (mut key, mut in_a_row, mut failures) = (200_000, 0, 0);
    while in_a_row < 1_000 && failures < 1_000 {
        key += 1;
        if disk.try_writes([large(key)]).is_ok() {
            in_a_row += 1;
        } else {
            (in_a_row, failures) = (0, failures + 1);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    assert_eq!(in_a_row, 1_000, "after {failures} failures");
    let kept = disk.pages_of("build") * (16_384 + 256);
    println!("{kept} octets are kept where {room} fit, after {failures} failures");
    assert!(kept > room / 2, "{kept}");
    assert!(disk.verdict(&key.to_string()).is_some());
}

#[test]
fn a_full_disk_refuses_no_purge_while_the_reserve_lasts() {
    let (dir, machine) = (Dir::new(), Machine::new(seed()));
    fs::create_dir_all(&dir.0).unwrap();
    let disk = open(&dir, &machine, 4 << 20);
    machine.set_capacity(machine.used());
    fill(&disk);

    for number in 1..=2_000 {
        let selector = format!("a tag of usual length: {number}");
        assert_eq!(disk.soft(&selector), number);
    }
}

#[test]
fn a_purge_that_does_not_fit_is_refused_and_its_number_is_used_up() {
    let (dir, machine) = (Dir::new(), Machine::new(seed()));
    let disk = open(&dir, &machine, 0);
    disk.writes((0..40).map(large));
    disk.shared.pages.sync().unwrap();
    assert_eq!(disk.soft("first"), 1);
    machine.set_capacity(machine.used());

    let many: Vec<Mark> = (0..100_000)
        .map(|i| Mark::hard(format!("tag {i}")))
        .collect();
    let error = disk.shared.record(&many).unwrap_err();

    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("marks.redb"), "{error}");
    machine.set_capacity(u64::MAX);
    let mut number = Err(error);
    until_mut(|| {
        number = disk.shared.record(&[Mark::hard("a")]);
        number.is_ok()
    });
    assert!(number.unwrap() > 2, "the second number is used up");
    until(|| disk.try_writes([put("a", 0)]).is_ok());
    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
}

#[test]
fn a_page_that_was_there_is_read_while_the_disk_is_full() {
    let (dir, machine) = (Dir::new(), Machine::new(seed()));
    let disk = open(&dir, &machine, 0);
    disk.writes([put("a", 0)]);
    machine.set_capacity(machine.used() + (4 << 20));

    fill(&disk);

    until(|| disk.shared.get(b"a").is_ok());
}

fn until_mut(mut is_so: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("ten seconds were not enough");
}
