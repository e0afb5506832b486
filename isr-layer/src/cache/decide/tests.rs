//! The table of decisions, and the second look into memory before a flight is started.
//!
//! Each step of a race is made by hand, in the order in which threads may come to it.

use bytes::Bytes;
use http::Response;

use super::*;
use crate::IsrLayer;
use crate::cache::negative_cache::{Backoff, RenderSnapshot};
use crate::cache::page_flight::RenderOutcome;
use crate::clock;
use crate::deliver::Offer;
use crate::entry::{Birth, Lifetime, NewEntry};
use crate::invalidation::{EntryTags, Strength, Target};
use crate::outcome::Staleness;
use crate::page::Page;
use crate::render::Key;

const PATH: &str = "/a";

fn core() -> Arc<Core> {
    IsrLayer::builder()
        .pages([Page::new(PATH)])
        .build()
        .unwrap()
        .core
}

fn recipe(core: &Core) -> Recipe {
    let page = core.registry.find(PATH).unwrap();
    Recipe::of(page.clone(), Key::bare(page, PATH).remove(0))
}

/// Stores an entry whose render knew all purges up to now.
fn store(core: &Core, recipe: &Recipe) -> Arc<Entry> {
    let (parts, ()) = Response::new(()).into_parts();
    let rendered = NewEntry {
        born_as: crate::invalidation::Validity::Valid,
        uses_old_values: false,
        parts,
        body: Bytes::from_static(b"a page"),
        trailers: None,
        is_not_found: false,
        born: Birth::now(clock::now()),
        as_of: core.marks.published(),
        lifetime: Lifetime::default(),
        offer: Offer::default(),
        has_drafts: false,
    };
    let entry = Arc::new(Entry::new(
        recipe,
        rendered,
        EntryTags::new(vec![recipe.page.mark.clone()]),
    ));
    core.pages.memory.put(&entry);
    entry
}

fn expire(core: &Core) -> Sequence {
    core.marks
        .purge(&[(Target::Path(PATH.to_owned()), Strength::Hard)])
}

const START: Start = Start {
    asks_store: false,
    is_known: false,
};

fn join(core: &Core, recipe: &Recipe) -> Result<Joined, Arc<Entry>> {
    core.join_for_fresh(recipe, core.marks.published(), START)
}

fn lead(core: &Core, recipe: &Recipe) -> Leader {
    match join(core, recipe) {
        Ok(Joined::Lead(lead)) => lead,
        Ok(Joined::Follow(_)) => panic!("somebody leads already"),
        Err(_) => panic!("something fresh is stored"),
    }
}

/// Returns a flight that a purge has overtaken, and its successor.
fn overtaken(core: &Core, recipe: &Recipe) -> (Leader, Leader) {
    let older = lead(core, recipe);
    older.begin(&core.marks);
    expire(core);
    let newer = lead(core, recipe);
    newer.begin(&core.marks);
    (older, newer)
}

/// Completes a flight with that outcome, and tells whether it was outrun.
fn complete(leader: Leader, outcome: RenderOutcome) -> bool {
    let mut was_outrun = None;
    leader.complete(Duration::ZERO, |is_outrun| {
        was_outrun = Some(is_outrun);
        (outcome, Sequence::NO_MARK)
    });
    was_outrun.expect("`complete` settles at once")
}

/// Returns the remembered failure of a key, if it failed or may not be stored.
fn remember(core: &Core, recipe: &Recipe, is_cacheable: bool) -> Arc<NegativeEntry<Arc<Failure>>> {
    let (key, now) = (&recipe.key, clock::now());
    let snapshot = RenderSnapshot {
        as_of: core.marks.published(),
        tags: Box::default(),
    };
    let negative = &core.pages.negative;
    if is_cacheable {
        let failure = Failure::without_response(recipe, Reason::Panic);
        negative.failed(&core.marks, key, &failure, snapshot, now);
    } else {
        let reason = Reason::SetCookie;
        negative.refused(&core.marks, key, reason, Backoff::REFUSED, snapshot, now);
    }
    negative
        .get(&core.marks, key, now, true)
        .expect("it was remembered")
}

#[tokio::test]
async fn the_table_of_decisions() {
    let core = core();
    let recipe = recipe(&core);
    let failed = remember(&core, &recipe, true);
    let refused = remember(&core, &recipe, false);
    let kept = Freshness::MustRender { fallback: true };
    let gone = Freshness::MustRender { fallback: false };

    for (found, negative, expected) in [
        (Some(Freshness::Fresh), None, "Serve((), Hit)"),
        (Some(Freshness::Fresh), Some(&failed), "Serve((), Hit)"),
        (
            Some(Freshness::Stale(Staleness::Mark)),
            None,
            "Refresh((), StaleMark)",
        ),
        (
            Some(Freshness::Stale(Staleness::Mark)),
            Some(&failed),
            "Serve((), StaleHit(Backoff))",
        ),
        (
            Some(Freshness::Stale(Staleness::Mark)),
            Some(&refused),
            "Alone(SetCookie)",
        ),
        (
            Some(kept),
            None,
            "Wait { fallback: Some(()), forward: Stale }",
        ),
        (Some(kept), Some(&failed), "Serve((), StaleHit(Backoff))"),
        (Some(kept), Some(&refused), "Alone(SetCookie)"),
        (Some(gone), None, "Wait { fallback: None, forward: Stale }"),
        (Some(gone), Some(&failed), "NegativeHit"),
        (Some(gone), Some(&refused), "Alone(SetCookie)"),
        (None, None, "Wait { fallback: None, forward: UriMiss }"),
        (None, Some(&failed), "NegativeHit"),
        (None, Some(&refused), "Alone(SetCookie)"),
    ] {
        let found = found.map(|freshness| (freshness, ()));

        let step = next_step(found, negative.map(|entry| &**entry), clock::now());

        let step = format!("{step:?}");
        assert!(step.starts_with(expected), "{step} in place of {expected}");
    }
}

#[tokio::test]
async fn a_render_that_was_outrun_changes_nothing_even_if_the_newer_page_is_gone_again() {
    let core = core();
    let recipe = recipe(&core);
    let (older, newer) = overtaken(&core, &recipe);

    let stored = RenderOutcome::Stored(store(&core, &recipe), None);
    assert!(!complete(newer, stored), "nothing began after it");
    core.pages.memory.remove(&recipe.key);

    let other = RenderOutcome::Stored(store(&core, &recipe), None);
    assert!(complete(older, other), "it began before the purge");
}

#[tokio::test]
async fn a_failure_outruns_no_render_that_may_yet_succeed() {
    let core = core();
    let recipe = recipe(&core);
    let (older, newer) = overtaken(&core, &recipe);

    let failure = Failure::without_response(&recipe, Reason::Panic);
    complete(newer, RenderOutcome::Failed(failure));

    let stored = RenderOutcome::Stored(store(&core, &recipe), None);
    assert!(!complete(older, stored));
}

#[tokio::test]
async fn a_leader_that_finds_what_a_purge_has_ended_renders() {
    let core = core();
    let recipe = recipe(&core);
    store(&core, &recipe);
    let purge = expire(&core);

    let leader = lead(&core, &recipe);

    assert_eq!(leader.begin(&core.marks), purge, "it knows of the purge");
}

#[tokio::test]
async fn who_joined_a_leader_after_a_purge_gets_nothing_of_what_the_leader_found_before_it() {
    let core = core();
    let recipe = recipe(&core);
    let winner = lead(&core, &recipe);
    let found = store(&core, &recipe);
    assert_eq!(
        found.freshness(&core.marks, clock::now()),
        Freshness::Fresh,
        "the winner looks again"
    );
    let arrival = expire(&core);
    let Ok(Joined::Follow(follower)) = join(&core, &recipe) else {
        panic!("the winner's flight is there")
    };

    drop(winner);

    assert!(
        follower.wait().await.is_none(),
        "what was abandoned is of no use to who waited"
    );
    let decision = core.decide(&recipe, Some(found), true, arrival, clock::now());
    let Decision::Lead(lead, waiting) = decision else {
        panic!("it renders for itself")
    };
    assert_eq!(lead.begin(&core.marks), arrival);
    assert!(
        waiting.fallback.is_some(),
        "what is there is good enough should that fail"
    );
}

#[tokio::test]
async fn who_joins_a_render_that_has_not_begun_may_have_it_whatever_was_purged_before() {
    let core = core();
    let recipe = recipe(&core);
    let winner = lead(&core, &recipe);
    let arrival = expire(&core);
    let Ok(Joined::Follow(follower)) = join(&core, &recipe) else {
        panic!("the winner's flight is there")
    };

    assert_eq!(winner.begin(&core.marks), arrival);
    let entry = store(&core, &recipe);
    complete(winner, RenderOutcome::Stored(entry, None));

    let landed = follower.wait().await.expect("it began after the purge");
    assert!(matches!(landed.outcome, RenderOutcome::Stored(..)));
}

/// A flight may complete between a request's look into memory and its look at the flights: it is in
/// neither then.
#[tokio::test]
async fn who_has_to_wait_is_served_what_landed_before_it_could() {
    let core = core();
    let recipe = recipe(&core);
    let waiting = Waiting {
        fallback: None,
        forward: Forward::UriMiss,
    };
    store(&core, &recipe);

    let joined = core.join_for_fresh(&recipe, Sequence::NO_MARK, START);
    let decision = wait(joined, waiting);

    assert!(matches!(decision, Decision::Serve(_, Outcome::Hit)));
    assert_eq!(core.pages.flights.len(), 0, "no flight is started");
}
