//! The leader looks again after winning: what it may find there, and what becomes of those who joined it meanwhile.
//!
//! Each step of the race is made by hand, in the order in which threads may come to it.

use bytes::Bytes;
use http::Response;

use super::*;
use crate::IsrLayer;
use crate::cache::RenderOutcome;
use crate::clock;
use crate::deliver::Offer;
use crate::entry::{Lifetime, NewEntry};
use crate::invalidation::{EntryTags, Strength, Target};
use crate::page::Page;

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
    Recipe::of(page.clone(), Key::bare(page, PATH).remove(0), None)
}

/// Stores what a render gave that knew all purges up to now.
fn store(core: &Core, recipe: &Recipe) -> Arc<Entry> {
    let (parts, ()) = Response::new(()).into_parts();
    let rendered = NewEntry {
        parts,
        body: Bytes::from_static(b"a page"),
        trailers: None,
        born: clock::now(),
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
    core.memory.put(entry.clone());
    entry
}

fn expire(core: &Core) -> u64 {
    core.marks
        .purge(&[(Target::Path(PATH.to_owned()), Strength::Hard)])
}

fn join(core: &Core, recipe: &Recipe) -> Result<Joined, Arc<Entry>> {
    core.join(recipe, core.marks.published(), clock::now())
}

fn lead(core: &Core, recipe: &Recipe) -> Leader {
    match join(core, recipe) {
        Ok(Joined::Lead(lead)) => lead,
        Ok(Joined::Follow(_)) => panic!("somebody leads already"),
        Err(_) => panic!("something fresh is stored"),
    }
}

#[tokio::test]
async fn a_leader_that_finds_what_landed_before_it_serves_that_and_who_joined_it_looks_again() {
    let core = core();
    let recipe = recipe(&core);
    let winner = core.flights.join(&core.marks, &recipe, &[], 0);
    let Ok(Joined::Follow(follower)) = join(&core, &recipe) else {
        panic!("the winner's flight is there")
    };
    let stored = store(&core, &recipe);

    let found = core.second_look(&recipe, winner, clock::now()).err();

    assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &stored)));
    assert_eq!(core.flights.len(), 0);
    assert!(
        follower.wait().await.is_none(),
        "what was abandoned is of no use to who waited"
    );
}

#[tokio::test]
async fn a_leader_that_finds_what_a_purge_has_ended_renders() {
    let core = core();
    let recipe = recipe(&core);
    store(&core, &recipe);
    expire(&core);

    let lead = lead(&core, &recipe);

    assert_eq!(lead.begin(&core.marks), 1, "it knows of the purge");
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
    let decision = core.decide(&recipe, arrival, clock::now());
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
    winner.complete(Duration::ZERO, || (RenderOutcome::Stored(entry), 0));

    let landed = follower.wait().await.expect("it began after the purge");
    assert!(matches!(landed.outcome, RenderOutcome::Stored(_)));
}

/// Between a request's look into memory and its look at the flights one may land: it is in neither then.
#[tokio::test]
async fn who_has_to_wait_is_served_what_landed_before_it_could() {
    let core = core();
    let recipe = recipe(&core);
    let waiting = Waiting {
        fallback: None,
        forward: Forward::UriMiss,
    };
    store(&core, &recipe);

    let decision = core.wait(&recipe, waiting, 0, clock::now());

    assert!(matches!(decision, Decision::Serve(_, Outcome::Hit)));
    assert_eq!(core.flights.len(), 0, "its own flight is abandoned");
}
