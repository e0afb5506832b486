//! Random schedules over two layers: pages made of values made of values, with purges of all of
//! them and loads that fail, against a model of what each response must at least have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use isr_layer::data::Data;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge, Wrapped};
use isr_tests::{Answer, ask, get as request, settle};
use tokio::task::JoinSet;

use super::source::{Down, ITEM, Source, item};

/// A value that is made of two items.
const PAIR: Data = Data::new("pair").revalidate(Duration::from_secs(300));
const ITEMS: [&str; 3] = ["a", "b", "c"];
const PATHS: [&str; 8] = [
    "/page/a",
    "/page/b",
    "/pair/a-b",
    "/pair/b-c",
    "/plain/a",
    "/plain/b",
    "/plain/a-b",
    "/plain/b-c",
];

#[derive(Clone)]
struct App {
    cache: Cache,
    source: Source,
}

/// Returns the items of the name `a` or `a-b`, each with its version.
async fn read(app: &App, name: &str) -> Result<String, Down> {
    if name.contains('-') {
        let pair = app.cache.data(&PAIR).key(name.to_owned());
        return pair.with_unkeyed(app.clone()).load(pair_of).await;
    }
    let version = item(&app.cache, &app.source, name).await?;
    Ok(format!("{name}={}", version.unwrap_or(0)))
}

async fn pair_of(app: App, name: String) -> Result<String, Down> {
    let mut items = Vec::new();
    for one in name.split('-') {
        let version = item(&app.cache, &app.source, one).await?;
        items.push(format!("{one}={}", version.unwrap_or(0)));
    }
    Ok(items.join(" "))
}

async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<String, http::StatusCode> {
    let text = read(&app, &name).await;
    text.map_err(|Down| http::StatusCode::SERVICE_UNAVAILABLE)
}

/// What a response must at least have of each item.
#[derive(Clone, Default)]
struct Floors {
    /// Of every response that is not marked as out of date.
    soft: HashMap<&'static str, u64>,
    /// Of every response, unless a load failed since.
    hard: HashMap<&'static str, u64>,
}

struct Run {
    app: App,
    service: Wrapped<Router>,
    versions: HashMap<&'static str, u64>,
    floors: Floors,
    is_down: bool,
    /// True once loads have failed: old values may be around, marked.
    was_down: Arc<Mutex<bool>>,
    random: fastrand::Rng,
    asked: JoinSet<Result<(), String>>,
    answers: usize,
}

impl Run {
    fn new(seed: u64) -> Self {
        let policy = Policy::new().revalidate(Duration::from_secs(600));
        let pages =
            ["/page/{name}", "/pair/{name}"].map(|path| Page::new(path).with_policy(policy));
        let isr = IsrLayer::builder()
            .pages(pages)
            .build()
            .expect("the settings are good");
        let app = App {
            cache: isr.cache(),
            source: Source::default(),
        };
        let router = Router::new()
            .route("/page/{name}", get(show))
            .route("/pair/{name}", get(show))
            .route("/plain/{name}", get(show))
            .with_state(app.clone());
        Self {
            app,
            service: isr.wrap(router),
            versions: HashMap::new(),
            floors: Floors::default(),
            is_down: false,
            was_down: Arc::default(),
            random: fastrand::Rng::with_seed(seed),
            asked: JoinSet::new(),
            answers: 0,
        }
    }

    async fn step(&mut self, fails: bool) {
        match self.random.u8(..) {
            0..=139 => self.ask(),
            140..=199 => self.publish().await,
            200..=239 => {
                let millis = self.random.u64(1..400);
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            240..=247 => {
                // A jump while a load runs would be a load that took so long.
                self.app.cache.drained().await;
                tokio::time::advance(Duration::from_secs(self.random.u64(1..90))).await;
            }
            _ if fails => self.fail_or_recover().await,
            _ => self
                .app
                .source
                .takes(Duration::from_millis(self.random.u64(0..200))),
        }
        settle().await;
    }

    /// Lets loads fail, or succeed again. After that nothing rests longer than a minute, and the
    /// floors count again.
    async fn fail_or_recover(&mut self) {
        self.is_down = !self.is_down;
        self.app.source.set_down(self.is_down);
        if self.is_down {
            *self.was_down.lock().expect("no test panics with it") = true;
            return;
        }
        while let Some(checked) = self.asked.join_next().await {
            checked
                .expect("no handler panics")
                .expect("no response is wrong");
        }
        self.app.cache.drained().await;
        tokio::time::advance(Duration::from_secs(65)).await;
        for path in PATHS.repeat(3) {
            ask(&self.service, request(path)).await;
            self.app.cache.drained().await;
        }
        *self.was_down.lock().expect("no test panics with it") = false;
    }

    /// Sends a request, whose response is checked against what was acknowledged before.
    fn ask(&mut self) {
        let path = PATHS[self.random.usize(..PATHS.len())];
        let (service, floors) = (self.service.clone(), self.floors.clone());
        let was_down = self.was_down.clone();
        self.answers += 1;
        self.asked.spawn(async move {
            let answer = ask(&service, request(path)).await;
            let may_fail = *was_down.lock().expect("no one panics with it");
            check(path, &answer, &floors, may_fail)
        });
    }

    /// Changes an item, and purges it in one of the ways there are.
    async fn publish(&mut self) {
        let name = ITEMS[self.random.usize(..ITEMS.len())];
        let version = self.versions.entry(name).or_default();
        *version += 1;
        let version = *version;
        self.app.source.publish(name, version);
        let purge = match self.random.u8(..5) {
            0 => Purge::data(ITEM),
            1 => Purge::value(ITEM, name),
            2 => Purge::tag("items"),
            3 => Purge::all(),
            _ => Purge::tag(format!("item:{name}")),
        };
        let mode = [Mode::Stale, Mode::Expire, Mode::Regenerate][self.random.usize(..3)];
        let receipt = self.app.cache.revalidate(purge.mode(mode)).await;
        assert!(
            receipt.is_revalidated() || *self.was_down.lock().expect("no one panics with it"),
            "{receipt:?}"
        );

        self.floors.soft.insert(name, version);
        if mode == Mode::Expire {
            self.floors.hard.insert(name, version);
        }
    }

    /// Ends all that runs, and sees that pages come to rest: all is new, and fresh.
    async fn rest(mut self) -> Result<usize, String> {
        self.app.source.set_down(false);
        while let Some(checked) = self.asked.join_next().await {
            checked.expect("no handler panics")?;
        }
        self.app.cache.drained().await;
        tokio::time::advance(Duration::from_secs(65)).await;
        for _ in 0..4 {
            for path in PATHS {
                ask(&self.service, request(path)).await;
                self.app.cache.drained().await;
            }
        }
        let floors = Floors {
            soft: self.versions.clone(),
            hard: self.versions.clone(),
        };
        for path in PATHS {
            let answer = ask(&self.service, request(path)).await;
            check(path, &answer, &floors, false)?;
            let is_hit = answer.cache_status().starts_with("isr; hit; ttl=");
            if !path.starts_with("/plain") && (!is_hit || answer.cache_status().contains("detail"))
            {
                return Err(format!("{path} does not rest: {}", answer.cache_status()));
            }
        }
        Ok(self.answers)
    }
}

/// Checks a response against what was acknowledged before it was asked for.
fn check(path: &str, answer: &Answer, floors: &Floors, may_fail: bool) -> Result<(), String> {
    if answer.status == 503 && may_fail {
        return Ok(());
    }
    let is_plain = path.starts_with("/plain");
    let status = match is_plain {
        true => "",
        false => answer.cache_status(),
    };
    let is_marked = is_plain || status.contains("detail=");
    for item in answer.text().split(' ') {
        let (name, version) = item.split_once('=').ok_or_else(|| item.to_owned())?;
        let version = version.parse::<u64>().map_err(|error| error.to_string())?;
        let floor = |floors: &HashMap<&str, u64>| floors.get(name).copied().unwrap_or(0);
        if version < floor(&floors.hard) && !may_fail {
            return Err(format!(
                "{path}: `{item}` after an `Expire` of {}: {status}",
                floor(&floors.hard)
            ));
        }
        if version < floor(&floors.soft) && !is_marked {
            return Err(format!(
                "{path}: `{item}` passes as new after {}: {status}",
                floor(&floors.soft)
            ));
        }
    }
    Ok(())
}

/// Runs schedules of so many steps in all, of which every second one has loads that fail.
async fn run(steps: usize) {
    const STEPS: usize = 100;
    let seed = std::env::var("ISR_SEED").map(|seed| seed.parse().expect("a number"));
    let seed = seed.unwrap_or_else(|_| fastrand::u64(..));
    println!("repeat with ISR_SEED={seed}");
    let mut answers = 0;
    for round in 0..steps.div_ceil(STEPS) as u64 {
        let mut run = Run::new(seed.wrapping_add(round));
        for _ in 0..STEPS {
            run.step(round % 2 == 1).await;
        }
        match run.rest().await {
            Ok(asked) => answers += asked,
            Err(wrong) => panic!("round {round}: {wrong}"),
        }
    }
    println!("{steps} steps, {answers} responses");
    assert!(answers > steps / 3);
}

#[tokio::test(start_paused = true)]
async fn no_schedule_of_pages_over_values_over_values_loses_a_purge() {
    run(20_000).await;
}
