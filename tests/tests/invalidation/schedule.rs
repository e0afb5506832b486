//! Tests the promises of the model under a random schedule: edits, purges, requests, held renders,
//! failures, clients that leave, and time that passes.
//!
//! The schedule depends only on its seed. `ISR_SEED` and `ISR_STEPS` repeat a run that failed.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use isr_layer::purge::{Selector, SelectorStatus};
use isr_layer::{Mode, Purge, Receipt};
use isr_tests::{Answer, settle};
use tokio::task::JoinHandle;

use crate::house::{House, is_marked, only, pass, version};
use crate::model::{Acknowledged, PATHS, Promise, Sight};
use crate::stage::{End, Held, When};

const STEPS: usize = 20_000;
const MOST_REQUESTS: usize = 12;
const MOST_PURGES: usize = 6;

#[tokio::test(start_paused = true)]
async fn a_random_schedule_keeps_every_promise() {
    let seed = setting("ISR_SEED").unwrap_or(2026);
    let steps = setting("ISR_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());

    Run::new(seed).run(steps).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_shorter_schedules_keep_every_promise() {
    let first = setting("ISR_SEED").unwrap_or(1);
    for seed in first..first + 100 {
        Run::new(seed).run(200).await;
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().expect("a whole number"))
}

/// A schedule in progress.
struct Run {
    seed: u64,
    rng: Rng,
    house: House,
    database: [u64; PATHS.len()],
    newest: u64,
    promises: [Promise; PATHS.len()],
    /// For each page, the id of the first render that began after its last purge.
    since_purge: [usize; PATHS.len()],
    requests: Vec<Request>,
    purges: Vec<Purging>,
    log: VecDeque<String>,
}

struct Request {
    page: usize,
    promise: Promise,
    answer: JoinHandle<Answer>,
}

struct Purging {
    /// The pages that the purge names, each with its version and its failures when the purge began.
    named: Vec<(usize, u64, usize)>,
    mode: Mode,
    receipt: JoinHandle<Receipt>,
}

impl Run {
    fn new(seed: u64) -> Self {
        println!("ISR_SEED={seed}");
        // The layer draws the length of its pauses from this generator.
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let (at_once, per_page) = (rng.usize(1..=4), rng.usize(1..=2));
        let house = House::with(|builder| {
            builder
                .background_renders(at_once)
                .background_renders_per_page(per_page)
        });
        for (path, when, tag) in [
            ("/posts/a", When::Early, "news"),
            ("/", When::Early, "news"),
            ("/posts/a", When::Late, "late"),
            ("/posts/b", When::Late, "late"),
            ("/about", When::Late, "late"),
        ] {
            house.stage.tag(path, when, tag);
        }
        house.stage.hold();
        Self {
            seed,
            rng,
            house,
            database: [1; PATHS.len()],
            newest: 1,
            promises: Default::default(),
            since_purge: Default::default(),
            requests: Vec::new(),
            purges: Vec::new(),
            log: VecDeque::new(),
        }
    }

    async fn run(mut self, steps: usize) {
        for step in 0..steps {
            self.step(step).await;
            self.check().await;
        }
        self.finish().await;
    }

    async fn step(&mut self, step: usize) {
        // The smaller of two draws makes the first page the busiest.
        let page = self
            .rng
            .usize(0..PATHS.len())
            .min(self.rng.usize(0..PATHS.len()));
        match self.rng.u32(0..100) {
            0..15 => self.write(page),
            15..30 => self.purge().await,
            30..55 => self.request(page).await,
            55..70 => {
                self.with_render("reads", |held| !held.has_read, |held| held.read())
                    .await
            }
            70..87 => {
                self.with_render("ends", |_| true, |held| held.end(End::Page))
                    .await
            }
            87..90 => {
                self.with_render("fails", |_| true, |held| held.end(End::Status(500)))
                    .await
            }
            90..91 => {
                self.with_render("panics", |_| true, |held| held.end(End::Panic))
                    .await
            }
            91..95 => self.leave().await,
            _ => self.wait().await,
        }
        if let Some(last) = self.log.back_mut() {
            *last = format!("{step}: {last}");
        }
    }

    fn note(&mut self, what: String) {
        self.log.push_back(what);
        if self.log.len() > 80 {
            self.log.pop_front();
        }
    }

    fn write(&mut self, page: usize) {
        self.newest += 1;
        self.database[page] = self.newest;
        self.house.stage.publish(PATHS[page], self.newest);
        self.note(format!("{} is version {}", PATHS[page], self.newest));
    }

    async fn purge(&mut self) {
        if self.purges.len() >= MOST_PURGES {
            return;
        }
        let (purge, pages) = selector(self.rng.usize(0..14));
        let mode = [Mode::Stale, Mode::Expire, Mode::Regenerate][self.rng.usize(0..3)];
        self.note(format!("{:?} with {mode:?}", purge.selectors().next()));
        let stage = &self.house.stage;
        let state = |page: &usize| (*page, self.database[*page], stage.failures(PATHS[*page]));
        let named = pages.iter().map(state).collect();
        pages
            .iter()
            .for_each(|page| self.since_purge[*page] = stage.renders());
        let receipt = self.house.purging(purge.mode(mode)).await;
        self.purges.push(Purging {
            named,
            mode,
            receipt,
        });
    }

    async fn request(&mut self, page: usize) {
        if self.requests.len() >= MOST_REQUESTS {
            return;
        }
        self.note(format!("somebody asks for {}", PATHS[page]));
        let answer = self.house.visit(PATHS[page]).await;
        self.requests.push(Request {
            page,
            promise: self.promises[page],
            answer,
        });
    }

    async fn with_render(
        &mut self,
        does: &str,
        may: impl Fn(&Held) -> bool,
        work: impl FnOnce(&Held),
    ) {
        let mut held = self.house.stage.held();
        held.retain(may);
        if held.is_empty() {
            return;
        }
        let one = &held[self.rng.usize(0..held.len())];
        self.note(format!("render {} of {} {does}", one.id, one.path));
        work(one);
        settle().await;
    }

    async fn leave(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let one = self
            .requests
            .swap_remove(self.rng.usize(0..self.requests.len()));
        self.note(format!("somebody who asked for {} leaves", PATHS[one.page]));
        one.answer.abort();
        settle().await;
    }

    async fn wait(&mut self) {
        let millis = [10, 100, 1_000, 2_100, 5_000, 31_000, 61_000][self.rng.usize(0..7)];
        self.note(format!("{millis} ms pass"));
        pass(Duration::from_millis(millis)).await;
    }

    /// Judges the responses and receipts that have arrived, and counts the running renders.
    async fn check(&mut self) {
        settle().await;
        let (ended, waiting) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition(Request::is_over);
        self.requests = waiting;
        for request in ended {
            self.judge(request).await;
        }
        let (ended, waiting) = std::mem::take(&mut self.purges)
            .into_iter()
            .partition(Purging::is_over);
        self.purges = waiting;
        for purging in ended {
            self.acknowledge(purging).await;
        }
        let held = self.house.stage.held();
        for (path, since) in PATHS.iter().zip(self.since_purge) {
            let running = held
                .iter()
                .filter(|held| held.path == *path && held.id >= since)
                .count();
            if running > 1 {
                self.fail(&format!(
                    "{running} renders of {path} that no purge has overtaken"
                ));
            }
        }
    }

    async fn judge(&mut self, request: Request) {
        let page = request.page;
        let answer = request.answer.await.expect("a request does not panic");
        let sight = Sight {
            version: version(&answer),
            is_marked: is_marked(&answer),
        };
        self.note(format!(
            "{}: {:?} {}",
            PATHS[page],
            sight.version,
            answer.cache_status()
        ));
        self.promises[page].saw(sight);
        if let Err(broken) = request
            .promise
            .judge(sight, self.house.stage.failures(PATHS[page]))
        {
            self.fail(&format!("{}: {broken}", PATHS[page]));
        }
    }

    async fn acknowledge(&mut self, purging: Purging) {
        let receipt = only(&purging.receipt.await.expect("a purge does not panic"));
        self.note(format!(
            "{:?} is {:?}",
            receipt.selector(),
            receipt.status()
        ));
        // A page that is only in a store is marked by a selector of many, and not rendered.
        let is_path = matches!(receipt.selector(), Selector::Path(_));
        let reaches_all = is_path || !isr_tests::is_behind();
        let how = match (purging.mode, receipt.status()) {
            (_, SelectorStatus::Regenerated) if reaches_all => Acknowledged::Regenerated,
            (Mode::Expire, _) => Acknowledged::Expired,
            _ => Acknowledged::Marked,
        };
        for (page, version, failures) in purging.named {
            self.promises[page].acknowledge(how, version, failures);
        }
    }

    /// Opens all gates. Then every request must be served, nothing may be left over, and each page
    /// must have the database's version.
    async fn finish(mut self) {
        self.note("all gates open".to_owned());
        self.house.stage.open();
        for _ in 0..50 {
            self.check().await;
            pass(Duration::from_millis(100)).await;
        }
        self.check().await;
        let stats = self.house.cache.metrics();
        if !self.requests.is_empty()
            || !self.purges.is_empty()
            || stats.flights() + stats.tasks() > 0
        {
            self.fail(&format!(
                "{} requests wait, {} purges, {stats:?}",
                self.requests.len(),
                self.purges.len()
            ));
        }
        self.house.purge(Purge::all().mode(Mode::Expire)).await;
        for (page, path) in PATHS.iter().enumerate() {
            let answer = self.house.get(path).await;
            if version(&answer) != Some(self.database[page]) || is_marked(&answer) {
                self.fail(&format!("{path} is {:?} at last", version(&answer)));
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        let log = self
            .log
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n");
        panic!("{log}\n{what}; ISR_SEED={}", self.seed);
    }
}

impl Request {
    fn is_over(&self) -> bool {
        self.answer.is_finished()
    }
}

impl Purging {
    fn is_over(&self) -> bool {
        self.receipt.is_finished()
    }
}

/// Returns a purge and the pages that it names.
fn selector(number: usize) -> (Purge, &'static [usize]) {
    match number {
        0 => (Purge::path("/posts/a"), &[0]),
        1 => (Purge::path("/posts/b"), &[1]),
        2 => (Purge::path("/about"), &[2]),
        3 => (Purge::path("/"), &[3]),
        4 => (Purge::page("/posts/{slug}"), &[0, 1]),
        5 => (Purge::instance("/posts/{slug}", [("slug", "b")]), &[1]),
        6 => (Purge::prefix("/posts"), &[0, 1]),
        7 => (Purge::tag("posts"), &[0, 1, 3]),
        8 => (Purge::tag("post:a"), &[0]),
        9 | 10 => (Purge::tag("news"), &[0, 3]),
        11 | 12 => (Purge::tag("late"), &[0, 1, 2]),
        _ => (Purge::all(), &[0, 1, 2, 3]),
    }
}
