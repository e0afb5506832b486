//! Tests that a failing render without a stored page to serve is one failure, shared by all that
//! wait and remembered for a moment.

use isr_layer::{Isr, Policy};
use isr_tests::{Act, Answer, Reply, Site, settle, try_ask};
use tokio::task::JoinHandle;
use tower::Layer;

use crate::{A, a, pass, secs, site_with, visit};

type Client = JoinHandle<Result<Answer, isr_tests::SiteError>>;

/// Starts a leader that stands at the gate, and nine followers behind it.
async fn queue(site: &Site, service: &Isr<Site>) -> (Client, Vec<Client>) {
    site.before().close();
    let ask = || {
        let service = service.clone();
        tokio::spawn(async move { try_ask(&service, a()).await })
    };
    let leader = ask();
    site.before().reached(1).await;
    let followers = (0..9).map(|_| ask()).collect();
    settle().await;
    site.before().open();
    (leader, followers)
}

#[tokio::test(start_paused = true)]
async fn a_failed_status_is_passed_as_the_handler_gave_it_and_shared_without_its_cookie() {
    let (site, service) = site_with(A);
    site.act(
        Reply::status(503)
            .header("set-cookie", "id=1")
            .header("x-why", "db")
            .chunk("down"),
    );

    let (leader, followers) = queue(&site, &service).await;

    let leader = leader.await.unwrap().unwrap();
    assert_eq!((leader.status.as_u16(), leader.text()), (503, "down"));
    assert_eq!(
        leader.cache_status(),
        "isr; fwd=uri-miss; detail=failed-status"
    );
    for follower in followers {
        let follower = follower.await.unwrap().unwrap();
        assert_eq!((follower.status.as_u16(), follower.text()), (503, "down"));
        assert_eq!(follower.header("x-why"), "db");
        assert!(!follower.headers.contains_key("set-cookie"));
        assert_eq!(follower.header("cache-control"), "no-store");
        assert_eq!(
            follower.cache_status(),
            "isr; fwd=uri-miss; detail=failed-status; collapsed"
        );
    }
    assert_eq!(site.renders(), 1, "nobody queues for a second attempt");
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_failure_is_one_render_and_one_status_for_all_that_wait() {
    for (act, status, detail) in [
        (Act::Panic, 500, "panic"),
        (Reply::page().panic().into(), 500, "panic"),
        (Act::Hang, 504, "timeout"),
        (Reply::page().hang().into(), 504, "timeout"),
        (Reply::page().cut().into(), 502, "body-cut"),
        (Reply::status(500).into(), 500, "failed-status"),
        (Reply::status(429).into(), 429, "failed-status"),
        (Reply::status(408).into(), 408, "failed-status"),
        (Reply::status(425).into(), 425, "failed-status"),
    ] {
        let (site, service) = site_with(A);
        site.act(act);

        let (leader, followers) = queue(&site, &service).await;

        let leader = leader.await.unwrap().unwrap();
        assert_eq!(leader.status, status, "{detail}");
        assert_eq!(
            leader.cache_status(),
            format!("isr; fwd=uri-miss; detail={detail}")
        );
        for follower in followers {
            let follower = follower.await.unwrap().unwrap();
            assert_eq!(
                (follower.status, &follower.body),
                (leader.status, &leader.body),
                "{detail}"
            );
        }
        assert_eq!(site.renders(), 1, "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_goes_to_the_leader_and_followers_get_502() {
    let (site, service) = site_with(A);
    site.act(Act::Error);

    let (leader, followers) = queue(&site, &service).await;

    assert_eq!(leader.await.unwrap().unwrap_err(), isr_tests::SiteError);
    for follower in followers {
        let follower = follower.await.unwrap().unwrap();
        assert_eq!(follower.status, 502);
        assert_eq!(
            follower.cache_status(),
            "isr; fwd=uri-miss; detail=service-error; collapsed"
        );
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_200_is_a_failure_that_is_not_stored() {
    let (site, service) = site_with(A);
    site.act(Reply::page().empty());
    let empty = visit(&service).await;
    site.act(Reply::page());

    pass(1).await;
    let healed = visit(&service).await;

    assert_eq!(empty.cache_status(), "isr; fwd=uri-miss; detail=empty-body");
    assert_eq!(healed.text(), "/a v1");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_render_may_take_as_long_as_its_page_says() {
    let (site, service) = site_with(A.with_policy(Policy::new().timeout(secs(5))));
    site.act(Act::Hang);
    let began = tokio::time::Instant::now();

    let answer = visit(&service).await;

    assert_eq!(answer.status, 504);
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(site.running(), 0, "the render was ended");
}

#[tokio::test(start_paused = true)]
async fn the_default_time_limit_is_thirty_seconds() {
    let (site, service) = site_with(A);
    site.act(Act::Hang);
    let began = tokio::time::Instant::now();

    visit(&service).await;

    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn one_panic_never_disables_a_key() {
    for act in [Act::Panic, Reply::page().panic().into()] {
        let (site, service) = site_with(A);
        site.act(act);
        visit(&service).await;
        site.act(Reply::page());

        pass(1).await;
        let healed = visit(&service).await;

        assert_eq!(
            (healed.text(), healed.cache_status()),
            ("/a v1", "isr; fwd=uri-miss; stored")
        );
        assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_with_a_large_body_reaches_all_that_wait_whole() {
    let (site, service) = site_with(A);
    let large = "x".repeat(100_000);
    site.act(Reply::status(500).chunk(large.clone()));

    let (leader, followers) = queue(&site, &service).await;

    assert_eq!(leader.await.unwrap().unwrap().text(), large);
    for follower in followers {
        assert_eq!(follower.await.unwrap().unwrap().text(), large);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_above_the_limit_of_bodies_is_streamed_on_and_stays_a_failure() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(4)));
    site.act(Reply::status(500).chunk("0123456789"));

    let answer = visit(&service).await;
    let remembered = visit(&service).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (500, "0123456789"));
    assert_eq!(remembered.status, 500);
    assert_eq!(site.renders(), 1);
}

/// Once, the next client got headers that describe a body of 20 KB, such as gzip and JSON, but no
/// body.
#[tokio::test(start_paused = true)]
async fn a_failure_that_is_remembered_without_its_body_says_nothing_of_one() {
    for (limit, length) in [(8 << 20, 20_000), (4, 20)] {
        let (site, service) = site_with(A.with_policy(Policy::new().max_body(limit)));
        let reply = Reply::status(500)
            .header("content-type", "application/json")
            .header("x-why", "db");
        site.act(
            reply
                .header("content-encoding", "gzip")
                .chunk(vec![b'x'; length]),
        );
        let whole = visit(&service).await;

        let remembered = visit(&service).await;

        assert_eq!(
            (whole.body.len(), whole.header("content-encoding")),
            (length, "gzip")
        );
        assert_eq!((remembered.status.as_u16(), remembered.text()), (500, ""));
        assert_eq!(remembered.header("x-why"), "db");
        for name in ["content-type", "content-encoding"] {
            assert!(!remembered.headers.contains_key(name), "{name}");
        }
    }
}
/// Panics when it is dropped, as a guard in a handler may.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the guard was told to panic");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_while_it_is_dropped_has_failed_once_for_all_that_wait() {
    let renders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = renders.clone();
    let service = crate::isr([A]).layer(tower::service_fn(move |_: http::Request<crate::Plain>| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async {
            let _bomb = Bomb;
            std::future::pending::<Result<http::Response<crate::Plain>, std::convert::Infallible>>().await
        }
    }));
    let began = tokio::time::Instant::now();

    let clients = (0..3).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { isr_tests::ask(&service, a()).await })
    });
    for client in clients.collect::<Vec<_>>() {
        assert_eq!(client.await.expect("the client is answered").status, 504);
    }
    let remembered = isr_tests::ask(&service, a()).await;

    assert_eq!(remembered.cache_status(), "isr; hit; detail=backoff");
    assert_eq!(renders.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(began.elapsed(), secs(30));
}
