//! Files that a disk garbled: misses, never a wrong page, and no purge undone.

use std::os::unix::process::ExitStatusExt as _;

use isr_layer::store::Validity;

use super::*;

/// The signal of a process that ends itself.
const SIGABRT: i32 = 6;

const PAGES: usize = 300;
const PURGED: usize = 50;

fn key(page: usize) -> String {
    format!("/posts/{page}")
}

/// The content of a page, different for each.
fn content(page: usize, version: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(page as u64 * 31 + version);
    let len = random.usize(100..20_000);
    std::iter::repeat_with(|| random.u8(..)).take(len).collect()
}

/// A store with pages, some of which are purged.
fn filled() -> Dir {
    let dir = Dir::new();
    let disk = open(&dir.store());
    for page in 0..PAGES {
        put(&disk, &key(page), 0, content(page, 0)).unwrap();
    }
    for page in 0..PURGED {
        purge(&disk, &key(page)).unwrap();
    }
    dir
}

/// Breaks a file in one of three ways.
fn break_file(path: &Path, way: u64, random: &mut fastrand::Rng) -> &'static str {
    let mut octets = fs::read(path).unwrap();
    // The rest of the file is free, so most damage there is none.
    let used = octets.len().min(6 << 20);
    let name = match way % 3 {
        0 => {
            octets.truncate(random.usize(..used));
            "truncated"
        }
        1 => {
            for _ in 0..1 << random.u32(..9) {
                let at = random.usize(..used / 4096) * 4096;
                octets[at..at + 4096].fill(0);
            }
            "zeroed"
        }
        _ => {
            for _ in 0..1 << random.u32(..12) {
                octets[random.usize(..used)] ^= 1 << random.u8(..8);
            }
            "flipped"
        }
    };
    fs::write(path, octets).unwrap();
    name
}

/// The sums over all rounds.
#[derive(Debug, Default)]
struct Sums {
    set_aside: u32,
    misses: usize,
    found: usize,
}

/// Breaks a file of a copy, opens it and reads everything.
fn break_once(original: &Path, round: u64, random: &mut fastrand::Rng, sums: &mut Sums) {
    let dir = Dir::new();
    fs::create_dir(dir.store()).unwrap();
    for name in ["marks.redb", "pages.redb"] {
        fs::copy(original.join(name), dir.store().join(name)).unwrap();
    }
    let name = if random.bool() {
        "marks.redb"
    } else {
        "pages.redb"
    };
    let way = break_file(&dir.store().join(name), round, random);

    let disk = open(&dir.store());
    for page in 0..PAGES {
        match get(&disk, &key(page)) {
            Ok(Some(found)) => {
                sums.found += 1;
                assert!(
                    found.octets == content(page, 0),
                    "{name} {way}: a wrong page"
                );
                let is_undone = page < PURGED && found.validity == Validity::Valid;
                assert!(!is_undone, "{name} {way}: a purge is undone");
            }
            _ => sums.misses += 1,
        }
    }

    // The store heals itself.
    until(|| put(&disk, "new", 99, "new").is_ok() && matches!(get(&disk, "new"), Ok(Some(_))));
    until(|| purge(&disk, "new").is_ok());
    assert_eq!(
        get(&disk, "new").unwrap().map(|found| found.validity),
        Some(Validity::Hard)
    );
    drop(disk);
    let is_aside = |name: &str| dir.store().join(format!("{name}.broken")).exists();
    sums.set_aside += u32::from(is_aside("marks.redb") || is_aside("pages.redb"));
}

/// Breaks many copies of a store.
fn break_often(original: &Path, rounds: u64) -> Sums {
    let mut random = fastrand::Rng::with_seed(seed());
    let mut sums = Sums::default();
    for round in 0..rounds {
        break_once(original, round, &mut random, &mut sums);
    }
    println!("{sums:?}");
    sums
}

/// Breaks some copies of a store in this process, and tells the sums.
pub(crate) fn break_copies(original: &Path) {
    let sums = break_often(original, ROUNDS_OF_A_PROCESS);
    println!("result: {} {} {}", sums.set_aside, sums.misses, sums.found);
}

const ROUNDS_OF_A_PROCESS: u64 = 10;

#[test]
fn a_broken_file_gives_misses_and_never_a_wrong_page() {
    let sums = break_often(&filled().store(), 20);

    assert!(sums.set_aside >= 5, "{sums:?}");
    assert!(sums.misses > 1_000, "the damage is real: {sums:?}");
}

/// In processes of their own: over a few of the files redb panics while it drops what panicked,
/// which ends the process, and no store could prevent that.
#[test]
#[ignore = "slow: a minute; run by .ci/run"]
fn three_hundred_broken_files_give_misses_and_never_a_wrong_page() {
    let (original, seed) = (filled(), seed());
    let (mut sums, mut ended) = (Sums::default(), 0);
    for process in 0..300 / ROUNDS_OF_A_PROCESS {
        let mut command = child::command(&[], "break", &original.store());
        let seed = seed.wrapping_add(process).to_string();
        let output = command.env("ISR_SEED", seed).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.signal() == Some(SIGABRT) {
            ended += 1;
            continue;
        }
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}\n{failed}");
        let told = told.lines().find_map(|line| line.strip_prefix("result: "));
        let figures = told
            .unwrap()
            .split(' ')
            .map(|figure| figure.parse().unwrap());
        let figures = figures.collect::<Vec<usize>>();
        sums.set_aside += u32::try_from(figures[0]).unwrap();
        sums.misses += figures[1];
        sums.found += figures[2];
    }
    println!("{sums:?}, {ended} processes ended");

    assert!(ended <= 3, "{ended} processes ended");
    assert!(sums.set_aside >= 80, "{sums:?}");
    assert!(sums.found > 8_000, "{sums:?}");
}
