//! `kill -9` during purges and puts: no acknowledged purge is undone, and no page is torn.

use std::collections::HashMap;

use isr_layer::store::{Touch, Validity};

use super::killed::{content, lifetime, run_and_kill, say, version_of};
use super::*;

const KEYS: usize = 400;
const PURGERS: usize = 4;
const WRITERS: usize = 2;

/// The site of the process that is killed: the newest version of each page, and the highest number
/// that was acknowledged.
struct Site {
    disk: Disk,
    versions: Vec<AtomicU64>,
    last: AtomicU64,
}

/// The process that is killed. Of each change it tells before it counts, and of each purge after it
/// was acknowledged.
pub(crate) fn work(path: &Path) {
    let disk = Disk::open(path).unwrap();
    let last = disk.join("build").unwrap();
    let versions = fs::read_to_string(path.with_extension("versions")).unwrap();
    let versions = versions.split(' ').map(|version| version.parse().unwrap());
    let site = Arc::new(Site {
        disk,
        versions: versions.map(AtomicU64::new).collect(),
        last: last.into(),
    });
    say(format!("\nready {last}\n"));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..PURGERS {
        runtime.spawn(edit(site.clone()));
    }
    for _ in 0..WRITERS {
        runtime.spawn(render(site.clone()));
    }
    std::thread::sleep(Duration::from_secs(60));
}

async fn edit(site: Arc<Site>) {
    loop {
        let key = fastrand::usize(..KEYS);
        say(format!(
            "begin {key} {} 0\n",
            site.versions[key].load(Ordering::SeqCst) + 1
        ));
        let version = site.versions[key].fetch_add(1, Ordering::SeqCst) + 1;
        let mark = Mark::hard(key.to_string());
        let number = site.disk.record(&[mark]).await.unwrap();
        site.last.fetch_max(number, Ordering::SeqCst);
        say(format!("end {key} {version} {number}\n"));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..4))).await;
    }
}

async fn render(site: Arc<Site>) {
    let mut memory: HashMap<usize, (u64, u64)> = HashMap::new();
    loop {
        let key = fastrand::usize(..KEYS);
        let last = site.last.load(Ordering::SeqCst);
        let version = site.versions[key].load(Ordering::SeqCst);
        let write: Write = match memory.get(&key) {
            // No purge up to `last` is on the page, since the version is that of the page.
            Some((as_of, of)) if *of == version => Touch::new(key.to_string(), *as_of, last).into(),
            _ => {
                memory.insert(key, (last, version));
                let selectors = vec![Bytes::from(key.to_string())];
                Put::new(key.to_string(), last, selectors, content(key, version)).into()
            }
        };
        let is_put = matches!(write, Write::Put(_));
        site.disk.write(vec![write]).await.unwrap();
        if is_put {
            say(format!("put {key} {version} {last}\n"));
        }
        if fastrand::u8(..) < 16 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// All that the parent knows, and the sums over all kills.
#[derive(Debug)]
struct Parent {
    /// A version that no page has yet.
    next: Vec<u64>,
    acknowledged: Vec<u64>,
    highest: u64,
    /// The highest number of all processes but the last.
    highest_before: u64,
    kills: u32,
    kills_in_a_purge: u32,
    kills_with_unsynced: u32,
    purges: u64,
    read: u64,
    valid: u64,
    undone: u64,
    torn: u64,
    numbers_went_back: u64,
}

impl Parent {
    fn new() -> Self {
        Self {
            next: vec![0; KEYS],
            acknowledged: vec![0; KEYS],
            highest: 0,
            highest_before: 0,
            kills: 0,
            kills_in_a_purge: 0,
            kills_with_unsynced: 0,
            purges: 0,
            read: 0,
            valid: 0,
            undone: 0,
            torn: 0,
            numbers_went_back: 0,
        }
    }

    fn report(&self) -> String {
        format!(
            "{} kills, {} in a purge, {} with unsynced pages; {} purges were acknowledged, {} \
             undone; {} pages were read, {} valid, {} torn; numbers went back {} times",
            self.kills,
            self.kills_in_a_purge,
            self.kills_with_unsynced,
            self.purges,
            self.undone,
            self.read,
            self.valid,
            self.torn,
            self.numbers_went_back
        )
    }

    fn kill_once(&mut self, path: &Path, millis: u64) {
        let versions: Vec<String> = self.next.iter().map(u64::to_string).collect();
        fs::write(path.with_extension("versions"), versions.join(" ")).unwrap();
        let lines = run_and_kill("work", path, millis);

        self.kills += 1;
        let puts = self.hear(&lines);
        self.look(path, &puts);
    }

    /// Takes in the lines of the process, and returns the last version that it put under each key.
    fn hear(&mut self, lines: &[String]) -> HashMap<usize, u64> {
        let (mut puts, mut in_flight) = (HashMap::new(), 0);
        for line in lines {
            // The last line may be a part of one.
            let Some((what, key, version, number)) = parse(line) else {
                continue;
            };
            match what {
                "begin" => {
                    in_flight += 1;
                    // Several may count at once.
                    self.next[key] = self.next[key].max(version + PURGERS as u64);
                }
                "end" => {
                    in_flight -= 1;
                    self.purges += 1;
                    self.acknowledged[key] = self.acknowledged[key].max(version);
                    self.numbers_went_back += u64::from(number <= self.highest_before);
                    self.highest = self.highest.max(number);
                }
                _ => {
                    puts.insert(key, version);
                }
            }
        }

        self.highest_before = self.highest;
        self.kills_in_a_purge += u32::from(in_flight > 0);
        puts
    }

    /// Reads everything that the process left.
    fn look(&mut self, path: &Path, puts: &HashMap<usize, u64>) {
        let disk = Disk::open(path).unwrap();
        self.numbers_went_back += u64::from(disk.join("build").unwrap() < self.highest);

        let mut is_lost = false;
        for key in 0..KEYS {
            let put = puts.get(&key).copied();
            let Some(found) = get(&disk, &key.to_string()).unwrap() else {
                is_lost |= put.is_some();
                continue;
            };
            self.read += 1;
            let Some(version) = version_of(key, &found.octets) else {
                self.torn += 1;
                continue;
            };
            is_lost |= put.is_some_and(|put| version < put);
            if found.validity == Validity::Valid {
                self.valid += 1;
                self.undone += u64::from(version < self.acknowledged[key]);
            }
        }
        self.kills_with_unsynced += u32::from(is_lost);
    }
}

fn parse(line: &str) -> Option<(&str, usize, u64, u64)> {
    let mut words = line.split(' ');
    let what = words
        .next()
        .filter(|what| ["begin", "end", "put"].contains(what))?;
    let key = words.next()?.parse().ok()?;
    let version = words.next()?.parse().ok()?;
    Some((what, key, version, words.next()?.parse().ok()?))
}

fn kill_often(kills: u32) {
    let mut random = fastrand::Rng::with_seed(seed());
    let dir = Dir::new();
    let mut parent = Parent::new();
    for kill in 0..kills {
        parent.kill_once(&dir.store(), lifetime(kill, &mut random));
    }

    println!("{}", parent.report());
    assert_eq!(
        (parent.undone, parent.torn, parent.numbers_went_back),
        (0, 0, 0)
    );
    assert!(parent.valid > 20 * u64::from(kills), "too few valid pages");
    if kills < 100 {
        // Of few kills a share says nothing.
        return;
    }
    assert!(parent.kills_in_a_purge * 2 >= kills, "too few in a purge");
    assert!(
        parent.kills_with_unsynced * 2 >= kills,
        "too few with unsynced pages"
    );
}

#[test]
fn three_kills_undo_no_purge_and_tear_no_page() {
    kill_often(3);
}

#[test]
#[ignore = "slow: two minutes; run by .ci/run"]
fn kills_undo_no_purge_and_tear_no_page() {
    kill_often(200);
}
