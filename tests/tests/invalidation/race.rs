//! Tests the race of a purge with a render that has read the old content: the purge is not lost.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};
use isr_tests::{Answer, settle};
use tokio::task::JoinHandle;

use crate::house::{A, House, done, is_hit, is_marked, only, pass, version};
use crate::stage::{End, Held, When};

/// The render that is in progress when the purge arrives.
#[derive(Clone, Copy, Debug)]
enum During {
    ColdRender,
    BackgroundRefresh,
    OnDemandRegeneration,
}

/// The selector of the purge.
#[derive(Clone, Copy, Debug)]
enum By {
    Path,
    Page,
    PageWithParams,
    Prefix,
    DeclaredTag,
    TagSaidBefore,
    TagSaidAfter,
    All,
}

/// The render that ends last: the one before the purge, or its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Older,
    Newer,
}

impl By {
    fn purge(self) -> Purge {
        match self {
            Self::Path => Purge::path(A),
            Self::Page => Purge::page("/posts/{slug}"),
            Self::PageWithParams => Purge::instance("/posts/{slug}", [("slug", "a")]),
            Self::Prefix => Purge::prefix("/posts/"),
            Self::DeclaredTag => Purge::tag("post:a"),
            Self::TagSaidBefore => Purge::tag("early"),
            Self::TagSaidAfter => Purge::tag("late"),
            Self::All => Purge::all(),
        }
    }
}

async fn race(during: During, by: By, mode: Mode) {
    for last in [Last::Newer, Last::Older] {
        race_once(during, by, mode, last).await;
    }
}

async fn race_once(during: During, by: By, mode: Mode, last: Last) {
    let what = format!("{during:?}, {by:?}, {mode:?}, last: {last:?}");
    let house = House::new();
    house.stage.tag(A, When::Early, "early");
    house.stage.tag(A, When::Late, "late");
    let (older, before) = render_of_version_1(&house, during).await;
    let began = house.stage.renders();

    house.stage.publish(A, 2);
    let purging = house.purging(by.purge().mode(mode)).await;
    let is_waiting = !purging.is_finished();
    let after = [house.visit(A).await, house.visit(A).await];
    land(&house, &older, last).await;
    let status = only(&done(purging).await).status();
    let next = house.get(A).await;
    settle().await;
    let at_last = house.get(A).await;

    assert!(
        mode == Mode::Regenerate || !is_waiting,
        "{what}: only a Regenerate waits"
    );
    done(before).await;
    for visit in after {
        check(&done(visit).await, mode == Mode::Expire, &what);
    }
    check(
        &next,
        mode == Mode::Expire || status == SelectorStatus::Regenerated,
        &what,
    );
    assert_eq!(version(&at_last), Some(2), "{what}");
    assert!(is_hit(&at_last), "{what}: {}", at_last.cache_status());
    assert!(
        house.stage.renders() - began <= 1,
        "{what}: one successor is enough"
    );
}

/// Checks a response after the acknowledgement: the new page, or a marked old page if that is
/// allowed.
fn check(answer: &Answer, is_new: bool, what: &str) {
    let is_old = version(answer) != Some(2);
    assert!(
        !is_old || is_marked(answer),
        "{what}: an unmarked old page: {}",
        answer.cache_status()
    );
    assert!(
        !is_old || !is_new,
        "{what}: an old page: {}",
        answer.cache_status()
    );
}

/// Starts a render that reads version 1, and a request that arrives before the purge.
async fn render_of_version_1(house: &House, during: During) -> (Held, JoinHandle<Answer>) {
    if !matches!(during, During::ColdRender) {
        house.get(A).await;
    }
    house.stage.hold();
    match during {
        During::ColdRender => drop(house.visit(A).await),
        During::BackgroundRefresh => {
            pass(Duration::from_secs(61)).await;
            drop(house.visit(A).await);
        }
        During::OnDemandRegeneration => drop(house.purging(Purge::path(A)).await),
    }
    let before = house.visit(A).await;
    let [older] = &house.stage.held()[..] else {
        panic!("one render is in progress")
    };
    older.read();
    settle().await;
    (older.clone(), before)
}

async fn land(house: &House, older: &Held, last: Last) {
    if last == Last::Older {
        house
            .stage
            .held()
            .iter()
            .filter(|held| held.id != older.id)
            .for_each(|held| held.end(End::Page));
        settle().await;
    }
    older.end(End::Page);
    settle().await;
    house.stage.open();
    settle().await;
}

macro_rules! races {
    ($($module:ident: $during:expr;)*) => { $(
        mod $module {
            use super::*;

            const DURING: During = $during;

            races!(a_purge_by_path: By::Path);
            races!(a_purge_by_page: By::Page);
            races!(a_purge_by_page_with_params: By::PageWithParams);
            races!(a_purge_by_prefix: By::Prefix);
            races!(a_purge_by_declared_tag: By::DeclaredTag);
            races!(a_purge_by_a_tag_said_before_it: By::TagSaidBefore);
            races!(a_purge_by_a_tag_said_after_it: By::TagSaidAfter);
            races!(a_purge_of_all: By::All);
        }
    )* };
    ($module:ident: $by:expr) => {
        mod $module {
            use super::*;

            #[tokio::test(start_paused = true)]
            async fn with_stale_is_not_lost() {
                race(DURING, $by, Mode::Stale).await;
            }

            #[tokio::test(start_paused = true)]
            async fn with_expire_is_not_lost() {
                race(DURING, $by, Mode::Expire).await;
            }

            #[tokio::test(start_paused = true)]
            async fn with_regenerate_is_not_lost() {
                race(DURING, $by, Mode::Regenerate).await;
            }
        }
    };
}

races! {
    during_a_cold_render: During::ColdRender;
    during_a_background_refresh: During::BackgroundRefresh;
    during_an_on_demand_regeneration: During::OnDemandRegeneration;
}
