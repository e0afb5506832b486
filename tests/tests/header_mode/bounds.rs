//! Bounds of what clients can start and leave: fetches that no client waits for, and bodies that
//! are being read.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response};
use http_body_util::BodyExt;
use isr_layer::body::IsrBody;
use isr_layer::{Isr, IsrLayer, Page, Policy};
use isr_tests::{Act, Answer, Reply, Site, SiteBody, ask, get, request, settle};
use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};

use crate::{Plain, pass, says, site_and_layer, visit};

/// The number of fetches that go on though no client waits for them.
const PLACES: usize = 64;
const MIB: usize = 1 << 20;

fn come(service: &Isr<Site>, path: &str) -> JoinHandle<Answer> {
    let (service, request) = (service.clone(), get::<Plain>(path));
    tokio::spawn(async move { ask(&service, request).await })
}

/// Returns a site of which `/hang` and all paths below hang.
fn site_that_hangs() -> (Site, IsrLayer, Isr<Site>) {
    let (site, isr, service) = site_and_layer(&[]);
    site.script(|seen, _| match seen.uri.path().starts_with("/hang") {
        true => Act::Hang,
        false => says("max-age=10, stale-while-revalidate=500").into(),
    });
    (site, isr, service)
}

async fn leave(clients: Vec<JoinHandle<Answer>>) {
    for client in clients {
        client.abort();
        assert!(client.await.is_err(), "the client waited");
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_whose_clients_left_leave_few_fetches_and_these_end() {
    for is_one_path in [false, true] {
        let (site, isr, service) = site_that_hangs();
        let path = |number: usize| match is_one_path {
            true => "/hang".to_owned(),
            false => format!("/hang/{number}"),
        };
        // Each fetches for itself: the first tells that the response is for it alone.
        let clients = (0..1000).map(|number| come(&service, &path(number)));
        let clients = clients.collect::<Vec<_>>();
        settle().await;

        leave(clients).await;

        let fetches = isr.cache().metrics().tasks();
        assert!(fetches <= PLACES, "{fetches} fetches go on");
        assert!(site.running() <= PLACES, "{} at the origin", site.running());
        pass(30).await;
        settle().await;
        assert_eq!((isr.cache().metrics().tasks(), site.running()), (0, 0));
        assert_eq!(isr.cache().metrics().flights(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_another_client_waits_for_goes_on_though_every_place_is_taken() {
    let (site, _isr, service) = site_that_hangs();
    let hanging = (0..PLACES).map(|number| come(&service, &format!("/hang/{number}")));
    let hanging = hanging.collect::<Vec<_>>();
    site.before().reached(PLACES).await;
    leave(hanging).await;
    assert_eq!(site.running(), PLACES);

    site.after().close();
    let leader = come(&service, "/a");
    site.after().reached(PLACES + 1).await;
    let follower = come(&service, "/a");
    settle().await;
    leave(vec![leader]).await;
    site.after().open();

    assert_eq!(
        follower.await.unwrap().cache_status(),
        "isr; fwd=uri-miss; stored; collapsed"
    );
    assert_eq!(site.renders(), PLACES + 1);
}

/// A fetch that ends since its client left says nothing of the origin.
#[tokio::test(start_paused = true)]
async fn a_fetch_that_ends_for_want_of_a_place_rests_no_request() {
    let (site, _isr, service) = site_that_hangs();
    let hanging = (0..PLACES).map(|number| come(&service, &format!("/hang/{number}")));
    let hanging = hanging.collect::<Vec<_>>();
    site.before().reached(PLACES).await;
    leave(hanging).await;
    visit(&service).await;
    site.before().close();
    let other = come(&service, "/b");
    site.before().reached(PLACES + 2).await;
    leave(vec![other]).await;
    site.before().open();
    assert_eq!(site.running(), PLACES, "the fetch of /b has ended");
    site.publish(2);
    pass(10).await;

    visit(&service).await;
    settle().await;

    assert_eq!(
        visit(&service).await.text(),
        "/a v2",
        "refreshes have places of their own"
    );
    assert_eq!(
        come(&service, "/b").await.unwrap().cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

/// Sends a GET, and returns the response with its body unread.
async fn open(service: &Isr<Site>, path: &str) -> Response<IsrBody<SiteBody>> {
    let response = service
        .clone()
        .oneshot(request::<Plain>(Method::GET, path, &[]))
        .await;
    response.expect("the site has no errors")
}

/// Returns a site of which `/large` and all paths below stop short of the end of 8 MiB.
fn site_of_large_bodies() -> (Site, Isr<Site>) {
    let (site, _, service) = site_and_layer(&[]);
    let megabytes = Arc::new(vec![b'x'; 8 * MIB - 1]);
    site.script(move |seen, _| match seen.uri.path() {
        path if path.starts_with("/large") => {
            says("max-age=60").chunk(megabytes.to_vec()).hang().into()
        }
        path if path.starts_with("/whole") => {
            let chunks = (0..8).map(|_| vec![b'y'; MIB - 1]);
            Act::from(chunks.fold(says("max-age=60"), Reply::chunk))
        }
        _ => says("max-age=60").into(),
    });
    (site, service)
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_being_read_are_weighed_and_more_is_streamed_on() {
    let (site, service) = site_of_large_bodies();
    let large = (0..60).map(|number| {
        let service = service.clone();
        tokio::spawn(async move { open(&service, &format!("/large/{number}")).await })
    });
    let mut large = large.collect::<Vec<_>>();
    site.before().reached(60).await;
    settle().await;

    let is_streamed = |client: &JoinHandle<_>| client.is_finished();
    let read = large.iter().filter(|client| !is_streamed(client)).count();
    assert!((1..=4).contains(&read), "{read} of 8 MiB are read at once");

    let streamed = large.remove(
        large
            .iter()
            .position(is_streamed)
            .expect("some are streamed"),
    );
    let streamed = streamed.await.unwrap();
    assert_eq!(
        streamed.headers()["cache-status"],
        "isr; fwd=uri-miss; detail=crowded"
    );
    let whole = ask(&service, get::<Plain>("/whole")).await;
    assert_eq!(
        whole.body.len(),
        8 * (MIB - 1),
        "a body without room reaches its client whole"
    );
    assert_eq!(
        ask(&service, get::<Plain>("/small")).await.cache_status(),
        "isr; fwd=uri-miss; stored",
        "a small body finds room"
    );

    drop(streamed);
    leave_all(large).await;
    for path in ["/whole", "/whole2", "/whole3"] {
        let whole = ask(&service, get::<Plain>(path)).await;
        assert_eq!(whole.cache_status(), "isr; fwd=uri-miss; stored", "{path}");
    }
}

async fn leave_all(clients: Vec<JoinHandle<Response<IsrBody<SiteBody>>>>) {
    for client in clients {
        client.abort();
        // One that has its response drops it.
        let _ = client.await;
    }
    // No client waits: the fetches that have places end with their time.
    pass(30).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_without_room_is_no_refusal() {
    let (site, service) = site_of_large_bodies();
    let stored = ask(&service, get::<Plain>("/whole")).await;
    assert_eq!(stored.cache_status(), "isr; fwd=uri-miss; stored");
    let large = (0..60).map(|number| {
        let service = service.clone();
        tokio::spawn(async move { open(&service, &format!("/large/{number}")).await })
    });
    let large = large.collect::<Vec<_>>();
    site.before().reached(61).await;
    settle().await;
    pass(29).await;
    let crowded = ask(&service, get::<Plain>("/whole?")).await;
    assert_eq!(crowded.cache_status(), "isr; fwd=uri-miss; detail=crowded");
    leave_all(large).await;

    // None of it keeps requests from sharing a fetch.
    site.before().close();
    let clients = [(); 5].map(|()| come(&service, "/whole?"));
    settle().await;
    site.before().open();
    for client in clients {
        client.await.unwrap();
    }

    assert_eq!(site.renders(), 63);
}

/// Pages and this mode share the limit on background renders.
#[tokio::test(start_paused = true)]
async fn refreshes_that_hang_leave_places_for_the_refreshes_of_pages() {
    let site = Site::new();
    site.script(|seen, _| match seen.headers.contains_key("x-hang") {
        true => Act::Hang,
        false => says("max-age=10, stale-while-revalidate=500").into(),
    });
    let page = Page::new("/page").with_policy(Policy::new().revalidate(Duration::from_secs(10)));
    let isr = IsrLayer::builder()
        .pages([page])
        .cache_by_headers(true)
        .background_renders(4)
        .build()
        .expect("the page does not contradict itself");
    let service = isr.layer(site.clone());
    let come = async |path: &str, headers: &[_]| {
        ask(&service, request::<Plain>(Method::GET, path, headers)).await
    };
    for path in ["/page", "/a", "/b", "/c", "/d", "/e", "/f"] {
        come(path, &[]).await;
    }
    site.publish(2);
    pass(11).await;
    for path in ["/a", "/b", "/c", "/d", "/e", "/f"] {
        come(path, &[("x-hang", "1")]).await;
    }
    settle().await;

    come("/page", &[]).await;
    settle().await;

    assert_eq!(come("/page", &[]).await.text(), "/page v2");
}

/// One connection can open as many streams, and take nothing from any.
#[tokio::test(start_paused = true)]
async fn bodies_that_their_clients_do_not_take_keep_nothing_small_from_memory() {
    let (site, _, service) = site_and_layer(&[]);
    let chunk = bytes::Bytes::from(vec![b'x'; 4 << 10]);
    let endless = (0..2080).fold(says("max-age=60"), |reply, _| reply.chunk(chunk.clone()));
    site.script(move |seen, _| match seen.uri.path() {
        "/large" => endless.clone().into(),
        _ => says("max-age=60").chunk(vec![b'y'; 32 << 10]).into(),
    });

    let mut unread = Vec::new();
    for number in 0..200 {
        unread.push(open(&service, &format!("/large?{number}")).await);
    }

    for path in ["/small", "/small2"] {
        assert_eq!(
            ask(&service, get::<Plain>(path)).await.cache_status(),
            "isr; fwd=uri-miss; stored"
        );
    }
    let body = unread.swap_remove(0).into_body();
    let body = body.collect().await.expect("it is whole").to_bytes();
    assert_eq!(body.len(), 2080 << 12);
}

/// A client that takes its body slowly gives room back with each part of it.
#[tokio::test(start_paused = true)]
async fn a_body_that_its_client_takes_gives_room_back_as_it_goes() {
    let (site, _, service) = site_and_layer(&[]);
    let chunk = bytes::Bytes::from(vec![b'x'; MIB]);
    let large = (0..9).fold(says("max-age=60"), |reply, _| reply.chunk(chunk.clone()));
    let whole = (0..4).fold(says("max-age=60"), |reply, _| reply.chunk(chunk.clone()));
    site.script(move |seen, _| match seen.uri.path() {
        "/large" => large.clone().into(),
        _ => whole.clone().into(),
    });
    let mut slow = Vec::new();
    for number in 0..2 {
        slow.push(
            open(&service, &format!("/large?{number}"))
                .await
                .into_body(),
        );
    }
    let come = async |path| ask(&service, get::<Plain>(path)).await;
    assert_eq!(
        come("/whole").await.cache_status(),
        "isr; fwd=uri-miss; detail=crowded"
    );

    for body in &mut slow {
        for _ in 0..5 {
            body.frame()
                .await
                .expect("there is more")
                .expect("it is data");
        }
    }

    assert_eq!(
        come("/whole").await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

/// That tells of this moment, and so does a failure.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_finds_no_room_rests_a_while() {
    let (site, service) = site_of_large_bodies();
    let stored = ask(&service, get::<Plain>("/whole")).await;
    assert_eq!(stored.cache_status(), "isr; fwd=uri-miss; stored");
    site.script(move |seen, _| match seen.uri.path() {
        path if path.starts_with("/large") => {
            says("max-age=60").chunk(vec![b'x'; 7 * MIB]).hang().into()
        }
        _ => says("max-age=10, stale-while-revalidate=500")
            .chunk(vec![b'y'; 2 * MIB])
            .into(),
    });
    visit(&service).await;
    pass(11).await;
    let large = (0..2).map(|number| {
        let service = service.clone();
        tokio::spawn(async move { open(&service, &format!("/large/{number}")).await })
    });
    let large = large.collect::<Vec<_>>();
    site.before().reached(4).await;
    settle().await;

    for _ in 0..10 {
        visit(&service).await;
        settle().await;
    }

    assert_eq!(site.renders(), 5);
    leave_all(large).await;
}
