//! Power cuts: of everything since the last sync a part arrives, in any order and torn.

use std::collections::HashMap;

use super::simulated::Machine;
use super::*;

const KEYS: u32 = 40;

/// The sums over all cuts.
#[derive(Debug, Default)]
struct Sums {
    cuts: u32,
    acknowledged: u64,
    purges_undone: u64,
    numbers_given_twice: u64,
    pages_torn: u64,
    pages_read: u64,
    pages_valid: u64,
    files_broken: u64,
}

impl Sums {
    fn faults(&self) -> u64 {
        self.purges_undone + self.numbers_given_twice + self.pages_torn + self.files_broken
    }
}

/// Purges and puts until the power is cut, and looks afterwards.
fn cut_once(seed: u64, lies: bool, sums: &mut Sums) {
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = Dir::new();
    fs::create_dir_all(&dir.0).unwrap();
    let machine = Machine::new(random.u64(..));
    let mut settings = machine.settings();
    // Cuts also come while marks are forgotten and pages are evicted.
    settings.max_marks = if random.bool() { 8 } else { 65_536 };
    settings.max_bytes = if random.bool() { 200_000 } else { 2 << 30 };
    let disk = dir.open_with(settings);
    if lies {
        machine.lie_about_syncs();
    }
    machine.cut_power_after(random.u64(20..500));

    let mut purged: HashMap<u32, u64> = HashMap::new();
    let mut last = 0;
    while !machine.is_cut() {
        let key = random.u32(..KEYS);
        if random.bool() {
            let number = disk.hard(&key.to_string());
            // The cut came first, so no one saw the acknowledgement.
            if !machine.is_cut() {
                purged.insert(key, number);
                last = number;
                sums.acknowledged += 1;
            }
        } else {
            let filler = "x".repeat(random.usize(..12_000));
            let octets = format!("{key} {last} {filler}");
            let selectors = vec![Bytes::from(key.to_string())];
            disk.writes([Put::new(key.to_string(), last, selectors, octets).into()]);
        }
        if random.u8(..) < 60 {
            disk.shared.pages.sync().unwrap();
        }
    }
    drop(disk);

    look(&dir, &machine.restart(), &purged, last, sums);
}

fn look(dir: &Dir, machine: &Machine, purged: &HashMap<u32, u64>, last: u64, sums: &mut Sums) {
    sums.cuts += 1;
    // A simulated file cannot be set aside, so a broken one is an error here.
    let Ok(disk) = Disk::open_with(&dir.0, machine.settings()) else {
        sums.files_broken += 1;
        return;
    };
    disk.join("build").unwrap();
    sums.numbers_given_twice += u64::from(disk.last() < last);
    for key in 0..KEYS {
        let Ok(Some(found)) = disk.shared.get(key.to_string().as_bytes()) else {
            continue;
        };
        sums.pages_read += 1;
        let text = std::str::from_utf8(&found.octets).unwrap_or_default();
        let mut words = text.split(' ');
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
        let (of, as_of) = (number(words.next()), number(words.next()));
        let (Some(of), Some(as_of)) = (of, as_of) else {
            sums.pages_torn += 1;
            continue;
        };
        sums.pages_torn += u64::from(of != u64::from(key));
        let is_purged = purged.get(&key).is_some_and(|number| *number > as_of);
        sums.purges_undone += u64::from(is_purged && found.validity == Validity::Valid);
        sums.pages_valid += u64::from(found.validity == Validity::Valid);
    }
}

fn cut_often(cuts: u64, lies: bool) -> Sums {
    let seed = seed();
    let mut sums = Sums::default();
    for round in 0..cuts {
        cut_once(seed.wrapping_add(round), lies, &mut sums);
    }
    println!("{sums:?}");
    sums
}

#[test]
fn fifty_power_cuts_undo_no_purge_and_tear_no_page() {
    let sums = cut_often(50, false);

    assert_eq!(sums.faults(), 0, "{sums:?}");
    assert!(sums.acknowledged > 250 && sums.pages_read > 100, "{sums:?}");
}

#[test]
#[ignore = "slow: a minute; run by .ci/run"]
fn power_cuts_undo_no_purge_and_tear_no_page() {
    let sums = cut_often(1_500, false);

    assert_eq!(sums.faults(), 0, "{sums:?}");
    assert!(
        sums.acknowledged > 12_000 && sums.pages_read > 3_000,
        "{sums:?}"
    );
}

/// The tests above can fail: a disk that only says that it synced loses purges.
#[test]
fn a_disk_that_lies_about_syncs_is_noticed() {
    let sums = cut_often(50, true);

    assert!(sums.faults() > 0, "{sums:?}");
}
