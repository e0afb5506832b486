//! Tests that a response of an extractor is the page's own, as if its function had given it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route;
use http::StatusCode;
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Purge, Wrapped, static_page};
use isr_tests::{ask, get};

use crate::pass;

/// The state of an application: the status of its extractor (200 lets the function run), and the
/// number of tries.
#[derive(Clone, Default)]
struct Database(Arc<(AtomicU16, AtomicUsize)>);

impl Database {
    fn with_status(status: u16) -> Self {
        let database = Self::default();
        database.set(status);
        database
    }

    fn set(&self, status: u16) {
        self.0.0.store(status, Ordering::Relaxed);
    }

    fn tries(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

/// A row of the database, as an argument of a page.
struct Row;

impl FromRequestParts<Database> for Row {
    type Rejection = Response;

    async fn from_request_parts(
        _: &mut http::request::Parts,
        database: &Database,
    ) -> Result<Self, Response> {
        database.0.1.fetch_add(1, Ordering::Relaxed);
        let status = StatusCode::from_u16(database.0.0.load(Ordering::Relaxed));
        match status.expect("a status") {
            StatusCode::OK => Ok(Self),
            StatusCode::PERMANENT_REDIRECT => {
                Err((StatusCode::PERMANENT_REDIRECT, [("location", "/new")]).into_response())
            }
            status => Err((status, "no row").into_response()),
        }
    }
}

#[static_page("/rows/{id}", revalidate = 60)]
async fn row(_: Row, Path(id): Path<String>) -> String {
    format!("row {id}")
}

fn site(database: &Database) -> (IsrLayer, Wrapped<Router>) {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([row::PAGE])
        .build()
        .expect("one page");
    let wrapped = isr.wrap(isr_layer::routes![row].with_state(database.clone()));
    (isr, wrapped)
}

#[tokio::test(start_paused = true)]
async fn an_extractor_that_fails_on_a_cold_page_is_tried_once_for_a_herd_and_then_left_alone() {
    for status in [500, 502, 503, 504, 429, 408] {
        let database = Database::with_status(status);
        let (_, service) = site(&database);

        let herd = (0..200).map(|_| {
            let service = service.clone();
            tokio::spawn(async move { ask(&service, get::<Body>("/rows/1")).await })
        });
        for client in herd.collect::<Vec<_>>() {
            assert_eq!(
                client.await.expect("it is answered").status.as_u16(),
                status
            );
        }
        let tries = database.tries();
        let next = ask(&service, get::<Body>("/rows/1")).await;

        assert_eq!(tries, 1, "{status}");
        assert_eq!(next.cache_status(), "isr; hit; detail=backoff", "{status}");
        assert_eq!(database.tries(), 1, "{status}");

        database.set(200);
        pass(2).await;
        assert_eq!(ask(&service, get::<Body>("/rows/1")).await.text(), "row 1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_final_status_of_an_extractor_is_kept() {
    for status in [404, 410, 308] {
        let database = Database::with_status(status);
        let (_, service) = site(&database);
        ask(&service, get::<Body>("/rows/1")).await;

        let hit = ask(&service, get::<Body>("/rows/1")).await;

        assert_eq!(hit.status.as_u16(), status);
        assert!(hit.cache_status().starts_with("isr; hit; ttl="), "{status}");
        assert_eq!(database.tries(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_a_path_whose_extractor_finds_nothing_has_regenerated_it() {
    let (regenerated, unknown) = (SelectorStatus::Regenerated, SelectorStatus::UnknownPath);
    for (before, status, expected) in [
        (200, 404, regenerated),
        (200, 410, regenerated),
        (200, 308, regenerated),
        (308, 308, regenerated),
        (404, 404, unknown),
    ] {
        let database = Database::with_status(before);
        let (isr, service) = site(&database);
        ask(&service, get::<Body>("/rows/1")).await;
        database.set(status);

        let receipt = isr.cache().revalidate(Purge::path("/rows/1")).await;

        let one = &receipt.receipts()[0];
        assert_eq!(one.status(), expected, "{before}, {status}");
        assert_eq!(one.http().map(|http| http.as_u16()), Some(status));
        assert_eq!(
            ask(&service, get::<Body>("/rows/1")).await.status.as_u16(),
            status
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_extractor_that_fails_keeps_the_last_good_page() {
    let database = Database::with_status(200);
    let (isr, service) = site(&database);
    ask(&service, get::<Body>("/rows/1")).await;
    database.set(503);

    let receipt = isr.cache().revalidate(Purge::path("/rows/1")).await;
    let kept = ask(&service, get::<Body>("/rows/1")).await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Failed);
    assert_eq!((kept.status.as_u16(), kept.text()), (200, "row 1"));
}

/// Mounts the page without the route that checks in before extraction.
#[static_page("/rows-by-hand/{id}", revalidate = 60)]
async fn by_hand(_: Row, Path(id): Path<String>) -> String {
    format!("row {id}")
}

fn site_by_hand(database: &Database) -> (IsrLayer, Wrapped<Router>) {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([by_hand::PAGE])
        .build()
        .expect("one page");
    let routes = Router::new().route(by_hand::PATH, route(by_hand));
    let wrapped = isr.wrap(routes.with_state(database.clone()));
    (isr, wrapped)
}

#[tokio::test(start_paused = true)]
async fn of_a_page_mounted_by_hand_an_extractor_that_fails_is_tried_twice_for_a_herd() {
    for status in [500, 503] {
        let database = Database::with_status(status);
        let (_, service) = site_by_hand(&database);

        let herd = (0..200).map(|_| {
            let service = service.clone();
            tokio::spawn(async move { ask(&service, get::<Body>("/rows-by-hand/1")).await })
        });
        for client in herd.collect::<Vec<_>>() {
            assert_eq!(
                client.await.expect("it is answered").status.as_u16(),
                status
            );
        }
        let next = ask(&service, get::<Body>("/rows-by-hand/1")).await;

        assert_eq!(
            database.tries(),
            2,
            "without the client and with it, {status}"
        );
        assert_eq!(next.cache_status(), "isr; hit; detail=backoff", "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_finds_out_nothing_about_a_page_mounted_by_hand_that_fails_and_holds_up_nobody() {
    let database = Database::with_status(503);
    let (isr, service) = site_by_hand(&database);

    let receipt = isr.cache().revalidate(Purge::path("/rows-by-hand/1")).await;
    database.set(200);
    let next = ask(&service, get::<Body>("/rows-by-hand/1")).await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Failed);
    assert_eq!(
        receipt.receipts()[0].http().map(|http| http.as_u16()),
        Some(503)
    );
    assert_eq!(next.text(), "row 1");
}
