//! `kill -9` of a whole layer over a disk, during purges and renders: no acknowledged purge is
//! undone, pages that were kept come back without a render, and no page is torn.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::Full;
use isr_layer::purge::Reach;
use isr_layer::{Cache, Isr, IsrLayer, Mode, Page, Policy, Purge, context};
use isr_tests::{Answer, ask, get};
use tower::{Layer, Service};

use super::killed::{content, lifetime, run_and_kill, say, version_of};
use super::*;

const KEYS: usize = 200;
/// The pages of one group, which have a prefix and a tag in common.
const GROUP: usize = 10;
const EDITORS: usize = 4;
const VISITORS: usize = 4;

const POST: Page = Page::new("/posts/{group}/{slug}").with_policy(
    Policy::new()
        .revalidate(Duration::from_secs(3600))
        .tags(&["post:{slug}"]),
);

fn path_of(key: usize) -> String {
    format!("/posts/{}/{key}", key / GROUP)
}

fn key_of(path: &str) -> usize {
    let (_, slug) = path.rsplit_once('/').unwrap();
    slug.parse().unwrap()
}

/// The database: the version of each page. Each edit takes the next version.
struct Database {
    versions: Vec<AtomicU64>,
    last: AtomicU64,
}

impl Database {
    fn new(version: u64) -> Arc<Self> {
        Arc::new(Self {
            versions: (0..KEYS).map(|_| version.into()).collect(),
            last: version.into(),
        })
    }

    async fn render(&self, path: &str) -> Response<Full<Bytes>> {
        let key = key_of(path);
        let version = self.versions[key].load(Ordering::SeqCst);
        // Purges come meanwhile.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..3))).await;
        context::tag(format!("group:{}", key / GROUP));
        Response::new(Full::new(content(key, version)))
    }
}

/// The application in front of the database.
#[derive(Clone)]
struct Site(Arc<Database>);

impl Service<Request<Full<Bytes>>> for Site {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let (database, path) = (self.0.clone(), request.uri().path().to_owned());
        Box::pin(async move { Ok(database.render(&path).await) })
    }
}

/// Opens a layer on what the processes before have left.
fn layer(path: &Path, database: &Arc<Database>) -> (IsrLayer, Isr<Site>) {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([POST])
        .new_keys_per_second(u32::MAX)
        .build_id("build")
        .store(Disk::open(path).unwrap())
        .build()
        .unwrap();
    let service = isr.layer(Site(database.clone()));
    (isr, service)
}

/// The pages that are edited together, and named by one purge.
#[derive(Clone, Copy)]
struct Edit<'a> {
    by: &'a str,
    at: usize,
}

impl Edit<'_> {
    fn random() -> Self {
        let (by, at) = match fastrand::u16(..1_000) {
            0 => ("all", 0),
            1..30 => ("prefix", fastrand::usize(..KEYS / GROUP)),
            30..60 => ("group", fastrand::usize(..KEYS / GROUP)),
            60..500 => ("tag", fastrand::usize(..KEYS)),
            _ => ("path", fastrand::usize(..KEYS)),
        };
        Self { by, at }
    }

    fn keys(self) -> Range<usize> {
        match self.by {
            "all" => 0..KEYS,
            "prefix" | "group" => self.at * GROUP..(self.at + 1) * GROUP,
            _ => self.at..self.at + 1,
        }
    }

    fn purge(self) -> Purge {
        match self.by {
            "all" => Purge::all(),
            "prefix" => Purge::prefix(format!("/posts/{}", self.at)),
            "group" => Purge::tag(format!("group:{}", self.at)),
            "tag" => Purge::tag(format!("post:{}", self.at)),
            _ => Purge::path(path_of(self.at)),
        }
    }
}

/// The process that is killed. Of each edit it tells before it is made, and of each purge after it
/// was acknowledged.
pub(crate) fn serve(path: &Path) {
    let version = fs::read_to_string(path.with_extension("version")).unwrap();
    let database = Database::new(version.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _runtime = runtime.enter();
    let (isr, service) = layer(path, &database);
    say("\nready\n".into());

    for _ in 0..EDITORS {
        runtime.spawn(edit(database.clone(), isr.cache()));
    }
    for _ in 0..VISITORS {
        let service = service.clone();
        runtime.spawn(async move {
            loop {
                ask(&service, get(&path_of(fastrand::usize(..KEYS)))).await;
            }
        });
    }
    std::thread::sleep(Duration::from_secs(60));
}

async fn edit(database: Arc<Database>, cache: Cache) {
    loop {
        let edit = Edit::random();
        let mode = [Mode::Regenerate, Mode::Stale, Mode::Expire][fastrand::usize(..3)];
        let version = database.last.fetch_add(1, Ordering::SeqCst) + 1;
        say(format!(
            "begin {version} {} {} {mode:?} 0\n",
            edit.by, edit.at
        ));
        for key in edit.keys() {
            database.versions[key].fetch_max(version, Ordering::SeqCst);
        }

        let receipt = cache.revalidate(edit.purge().mode(mode)).await;
        if let (Some(Reach::Recorded), Some(number)) = (receipt.reach(), receipt.sequence()) {
            say(format!(
                "end {version} {} {} {mode:?} {number}\n",
                edit.by, edit.at
            ));
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..4))).await;
    }
}

/// All that the parent knows, and the sums over all kills.
#[derive(Debug)]
struct Parent {
    /// The highest version of a page.
    last: u64,
    /// The highest version before the last process.
    last_before: u64,
    /// The version of each page up to which its purges were acknowledged.
    acknowledged: Vec<u64>,
    /// The same of the purges after which no request may get an older page.
    expired: Vec<u64>,
    highest: u64,
    /// The highest number of all processes but the last.
    highest_before: u64,
    kills: u32,
    kills_in_a_purge: u32,
    purges: u64,
    fresh: u64,
    /// Those of them that the killed process had rendered after a purge.
    fresh_of_killed: u64,
    marked: u64,
    rendered: u64,
    undone: u64,
    torn: u64,
    numbers_went_back: u64,
}

impl Parent {
    fn new() -> Self {
        Self {
            last: 0,
            last_before: 0,
            acknowledged: vec![0; KEYS],
            expired: vec![0; KEYS],
            highest: 0,
            highest_before: 0,
            kills: 0,
            kills_in_a_purge: 0,
            purges: 0,
            fresh: 0,
            fresh_of_killed: 0,
            marked: 0,
            rendered: 0,
            undone: 0,
            torn: 0,
            numbers_went_back: 0,
        }
    }

    fn report(&self) -> String {
        format!(
            "{} kills, {} in a purge; {} purges were acknowledged, {} undone; {} pages came back \
             fresh, {} of them from the killed process, {} marked, {} were rendered, {} torn; \
             numbers went back {} times",
            self.kills,
            self.kills_in_a_purge,
            self.purges,
            self.undone,
            self.fresh,
            self.fresh_of_killed,
            self.marked,
            self.rendered,
            self.torn,
            self.numbers_went_back
        )
    }

    fn kill_once(&mut self, path: &Path, millis: u64) {
        fs::write(path.with_extension("version"), self.last.to_string()).unwrap();
        self.last_before = self.last;
        let lines = run_and_kill("serve", path, millis);

        self.kills += 1;
        self.hear(&lines);
        // Newer than each page that is there.
        self.last += 1;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(self.look(path));
    }

    /// Takes in the lines of the process.
    fn hear(&mut self, lines: &[String]) {
        let mut in_flight = 0;
        for line in lines {
            // The last line may be a part of one.
            let Some((what, version, edit, mode, number)) = parse(line) else {
                continue;
            };
            if what == "begin" {
                in_flight += 1;
                self.last = self.last.max(version);
                continue;
            }
            in_flight -= 1;
            self.purges += 1;
            for key in edit.keys() {
                self.acknowledged[key] = self.acknowledged[key].max(version);
                if mode == "Expire" {
                    self.expired[key] = self.expired[key].max(version);
                }
            }
            self.numbers_went_back += u64::from(number <= self.highest_before);
            self.highest = self.highest.max(number);
        }

        self.highest_before = self.highest;
        self.kills_in_a_purge += u32::from(in_flight > 0);
    }

    /// Requests every page of a layer that is opened again.
    async fn look(&mut self, path: &Path) {
        let (isr, service) = layer(path, &Database::new(self.last));
        for key in 0..KEYS {
            let answer = ask(&service, get(&path_of(key))).await;
            self.judge(key, &answer);
        }
        assert!(isr.shutdown(Duration::from_secs(30)).await);
    }

    fn judge(&mut self, key: usize, answer: &Answer) {
        let Some(version) = version_of(key, &answer.body) else {
            self.torn += 1;
            return;
        };
        let status = answer.cache_status();
        let is_undone = if !status.starts_with("isr; hit") {
            self.rendered += 1;
            version < self.last
        } else if status.contains("detail=stale-mark") {
            self.marked += 1;
            version < self.expired[key]
        } else {
            self.fresh += 1;
            self.fresh_of_killed += u64::from(version > self.last_before);
            version < self.acknowledged[key]
        };
        if is_undone {
            self.undone += 1;
            println!("page {key} came back at version {version}: {status}");
        }
    }
}

fn parse(line: &str) -> Option<(&str, u64, Edit<'_>, &str, u64)> {
    let words = line.split(' ').collect::<Vec<_>>();
    let [what @ ("begin" | "end"), version, by, at, mode, number] = words[..] else {
        return None;
    };
    let at = at.parse().ok()?;
    let version = version.parse().ok()?;
    Some((what, version, Edit { by, at }, mode, number.parse().ok()?))
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
    assert!(parent.fresh > u64::from(kills), "too few fresh pages");
    assert!(parent.fresh_of_killed > 0, "no page of a killed process");
    assert!(parent.marked > 0, "no page came back marked");
    if kills < 100 {
        // Of few kills a share says nothing.
        return;
    }
    assert!(parent.kills_in_a_purge * 2 >= kills, "too few in a purge");
}

#[test]
fn a_dozen_kills_of_a_layer_undo_no_purge_and_bring_its_pages_back() {
    kill_often(12);
}

#[test]
#[ignore = "slow: a minute; run by .ci/run"]
fn kills_of_a_layer_undo_no_purge_and_bring_its_pages_back() {
    kill_often(100);
}
