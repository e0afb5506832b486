//! Values are shared: between readers, between arguments that are equal, and with pages.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get as route;
use isr_layer::{IsrLayer, Purge, static_data, static_page};
use isr_tests::{ask, get};
use tokio::time::advance;

use crate::source::{Db, Down, Post, cache};

#[static_data(revalidate = "60s", tags = ["posts", "post:{slug}"], skip = [db])]
async fn post(db: &Db, slug: &str) -> Result<Option<Post>, Down> {
    db.post(slug).await
}

fn titled(title: &str) -> Result<Option<Post>, Down> {
    let title = title.to_owned();
    Ok(Some(Post { title }))
}

#[tokio::test(start_paused = true)]
async fn a_second_call_gets_the_value_of_the_first() {
    let (cache, db) = (cache(), Db::new());

    let read = cache.scope(async {
        let first = post(&db, "a").await;
        db.publish("a", "second");
        (first, post(&db, "a").await)
    });

    assert_eq!(read.await, (titled("first"), titled("first")));
    assert_eq!(db.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_at_once_are_one_load() {
    let (cache, db) = (cache(), Db::new());

    let readers = (0..100).map(|_| {
        let (cache, db) = (cache.clone(), db.clone());
        tokio::spawn(async move { cache.scope(async { post(&db, "a").await }).await })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.expect("it reads"), titled("first"));
    }

    assert_eq!(db.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_argument_is_in_the_key_and_a_skipped_one_is_not() {
    let (cache, db, other) = (cache(), Db::new(), Db::new());

    cache
        .scope(async {
            let _ = post(&db, "a").await;
            let _ = post(&other, "a").await;
            let _ = post(&db, "b").await;
        })
        .await;

    assert_eq!((db.loads(), other.loads()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tag_with_an_argument_purges_that_value_alone() {
    let (cache, db) = (cache(), Db::new());
    let read = async |slug: &str| cache.scope(post(&db, slug)).await;
    db.publish("b", "other");
    let _ = (read("a").await, read("b").await);

    db.publish("a", "second");
    let _ = cache
        .revalidate(Purge::tag("post:a").mode(isr_layer::Mode::Expire))
        .await;

    assert_eq!(read("a").await, titled("second"));
    assert_eq!(read("b").await, titled("other"));
    assert_eq!(db.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_purge_names_the_function_and_its_arguments() {
    let (cache, db) = (cache(), Db::new());
    let read = async |slug: &str| cache.scope(post(&db, slug)).await;
    let _ = (read("a").await, read("b").await);
    let purge = async |purge: Purge| {
        let receipt = cache.revalidate(purge.mode(isr_layer::Mode::Expire)).await;
        assert!(receipt.is_revalidated());
    };

    purge(Purge::value(post::DATA, ("a",))).await;
    let _ = (read("a").await, read("b").await);
    assert_eq!(db.loads(), 3);

    purge(Purge::data(post::DATA)).await;
    let _ = (read("a").await, read("b").await);
    assert_eq!(db.loads(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_absent_is_asked_for_again_after_ten_seconds() {
    let (cache, db) = (cache(), Db::new());
    let read = async || cache.scope(post(&db, "none")).await;

    assert_eq!((read().await, read().await), (Ok(None), Ok(None)));
    assert_eq!(db.loads(), 1);

    advance(Duration::from_secs(10)).await;
    assert_eq!(read().await, Ok(None));
    isr_tests::settle().await;
    assert_eq!(db.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_handed_out_once_more_while_it_is_loaded_from_kept_arguments() {
    let (cache, db) = (cache(), Db::new());
    let read = async || cache.scope(post(&db, &String::from("a"))).await;
    let _ = read().await;

    db.publish("a", "second");
    advance(Duration::from_secs(60)).await;

    assert_eq!(read().await, titled("first"));
    isr_tests::settle().await;
    assert_eq!(read().await, titled("second"));
    assert_eq!(db.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_can_be_cloned_is_shared_and_not_kept() {
    let (cache, db) = (cache(), Db::new());
    db.set_down(true);

    let readers = (0..10).map(|_| {
        let (cache, db) = (cache.clone(), db.clone());
        tokio::spawn(async move { cache.scope(async { post(&db, "a").await }).await })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.expect("it reads"), Err(Down));
    }
    assert_eq!(db.loads(), 1);

    db.set_down(false);
    advance(Duration::from_secs(60)).await;
    assert_eq!(cache.scope(post(&db, "a")).await, titled("first"));
}

#[tokio::test(start_paused = true)]
async fn a_function_without_a_cache_in_reach_loads_each_time() {
    let db = Db::new();

    assert_eq!(post(&db, "a").await, titled("first"));
    assert_eq!(post(&db, "a").await, titled("first"));

    assert_eq!(db.loads(), 2);
}

#[static_page("/attribute/{slug}")]
async fn page(State(db): State<Db>, Path(slug): Path<String>) -> Result<String, String> {
    let post = post(&db, &slug).await.map_err(|_| "down")?;
    Ok(post.ok_or("no post")?.title)
}

async fn plain(State(db): State<Db>, Path(slug): Path<String>) -> Result<String, String> {
    let post = post(&db, &slug).await.map_err(|_| "down")?;
    Ok(post.ok_or("no post")?.title)
}

#[tokio::test(start_paused = true)]
async fn a_page_and_a_plain_route_share_a_value_and_its_tags() {
    let db = Db::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([page::PAGE])
        .build()
        .expect("one page");
    let app = Router::new()
        .route(page::PATH, route(page))
        .route("/plain/{slug}", route(plain))
        .with_state(db.clone());
    let app = isr.wrap(app);
    let text = async |path: &str| ask(&app, get::<Body>(path)).await.text().to_owned();

    assert_eq!(text("/plain/a").await, "first");
    assert_eq!(text("/attribute/a").await, "first");
    assert_eq!(db.loads(), 1);

    db.publish("a", "second");
    let purge = Purge::tag("post:a").mode(isr_layer::Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());

    assert_eq!(text("/attribute/a").await, "second");
    assert_eq!(text("/plain/a").await, "second");
    assert_eq!(db.loads(), 2);
}
