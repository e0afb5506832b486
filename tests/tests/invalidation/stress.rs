//! Tests with real threads that no request reads older content after an acknowledged purge, however
//! the threads interleave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};

use crate::house::{House, only, version};
use crate::stage::{End, When};

const EDITS: u64 = 2_000;
const READS: usize = 30_000;
const PATHS: [&str; 3] = ["/posts/a", "/posts/b", "/"];

/// The pages, and for each the version acknowledged last: a reader may expect at least that
/// version.
struct Edited {
    house: House,
    acknowledged: [AtomicU64; PATHS.len()],
}

/// Publishes, purges in turn by each selector and mode that promises new content, and raises the
/// acknowledged version.
async fn edit(edited: Arc<Edited>, page: usize) {
    let path = PATHS[page];
    for edition in 2..EDITS {
        edited.house.stage.publish(path, edition);
        let purge = match edition % 5 {
            0 => Purge::path(path),
            1 => Purge::path(path).mode(Mode::Expire),
            2 => Purge::tag("posts").mode(Mode::Expire),
            3 => Purge::prefix("/").mode(Mode::Expire),
            _ => Purge::all().mode(Mode::Expire),
        };
        let receipt = only(&edited.house.purge(purge).await);
        if edition % 5 != 0 || receipt.status() == SelectorStatus::Regenerated {
            edited.acknowledged[page].fetch_max(edition, Ordering::SeqCst);
        }
    }
}

/// Reads, and collects responses older than the version acknowledged before the request.
async fn read(edited: Arc<Edited>, first: usize) -> Vec<String> {
    let mut older = Vec::new();
    for turn in 0..READS {
        let page = (first + turn) % PATHS.len();
        let expected = edited.acknowledged[page].load(Ordering::SeqCst);
        let answer = edited.house.get(PATHS[page]).await;
        if version(&answer).is_none_or(|seen| seen < expected) {
            older.push(format!(
                "{} {expected}: {:?} {}",
                PATHS[page],
                version(&answer),
                answer.cache_status()
            ));
        }
        if turn % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    older
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_an_acknowledged_purge_no_thread_reads_older_content() {
    let house = House::new();
    let edited = Arc::new(Edited {
        house,
        acknowledged: Default::default(),
    });

    let editors = (0..PATHS.len())
        .map(|page| tokio::spawn(edit(edited.clone(), page)))
        .collect::<Vec<_>>();
    let readers = (0..6)
        .map(|first| tokio::spawn(read(edited.clone(), first)))
        .collect::<Vec<_>>();
    for editor in editors {
        editor.await.expect("an editor does not panic");
    }
    for reader in readers {
        let older = reader.await.expect("a reader does not panic");
        assert_eq!(older, Vec::<String>::new());
    }
    edited.house.cache.drained().await;

    assert_eq!(edited.house.cache.metrics().flights(), 0);
}

/// Preparing a large page for storage takes a while. A request that arrives in that time, after a
/// purge of a tag that the render has just added, waits for a render that did not know of the
/// purge.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tag_that_is_purged_while_its_page_lands_is_not_lost_for_those_who_come_then() {
    for _ in 0..5 {
        let house = House::new();
        house.stage.tag("/posts/a", When::Late, "late");
        house.stage.hold();
        let leader = house.visit("/posts/a").await;
        let known = house.cache.metrics().marks();
        while house.stage.held().is_empty() {
            tokio::task::yield_now().await;
        }
        house.stage.held()[0].end(End::Large(5 << 20));
        while house.cache.metrics().marks() == known {
            tokio::task::yield_now().await;
        }

        house.stage.publish("/posts/a", 2);
        house.purge(Purge::tag("late").mode(Mode::Expire)).await;
        house.stage.end_with(End::Page);
        house.stage.open();
        let after = house.get("/posts/a").await;

        assert_eq!(version(&after), Some(2), "{}", after.cache_status());
        leader.await.expect("the leader does not panic");
    }
}
