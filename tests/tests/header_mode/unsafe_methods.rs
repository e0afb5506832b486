//! Unsafe requests with a 2xx or 3xx response invalidate their target.

use std::sync::Arc;

use http::{Method, Request};
use isr_layer::Isr;
use isr_tests::{Act, Answer, Gate, Reply, Site, ask, get, request, settle};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{Plain, pass, says, site_and_layer, site_that_says, visit};

#[tokio::test]
async fn a_success_or_a_redirection_invalidates_and_a_failure_does_not() {
    for (status, renders) in [
        (200, 3),
        (204, 3),
        (301, 3),
        (303, 3),
        (400, 2),
        (404, 2),
        (500, 2),
    ] {
        for method in [
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            "M-SEARCH".parse().unwrap(),
        ] {
            let (site, service) = site_that_says("max-age=60");
            visit(&service).await;
            site.act(Reply::status(status));
            let answer = ask(&service, request::<Plain>(method.clone(), "/a", &[])).await;
            site.act(says("max-age=60"));

            visit(&service).await;

            assert_eq!(
                answer.cache_status(),
                "",
                "what changes something is passed untouched"
            );
            assert_eq!(site.renders(), renders, "{method} {status}");
        }
    }
}

#[tokio::test]
async fn safe_methods_invalidate_nothing() {
    for method in [Method::OPTIONS, Method::TRACE, Method::HEAD] {
        let (site, service) = site_that_says("max-age=60");
        visit(&service).await;

        ask(
            &service,
            request::<Plain>(method, "/a", &[("if-match", "*")]),
        )
        .await;

        assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test]
async fn location_and_content_location_of_the_same_origin_are_invalidated_too() {
    for (name, value, is_invalidated) in [
        ("location", "/a", true),
        ("content-location", "a", true),
        ("location", "http://example.com/a", true),
        ("location", "http://example.org/a", false),
        ("location", "/a?x", false),
    ] {
        let (site, service) = site_that_says("max-age=60");
        let host = [("host", "example.com")];
        let ask_a = async || ask(&service, request::<Plain>(Method::GET, "/a", &host)).await;
        ask_a().await;
        site.act(Reply::status(201).header(name, value));
        ask(&service, request::<Plain>(Method::POST, "/b", &host)).await;
        site.act(says("max-age=60"));

        let hit = ask_a().await.cache_status().starts_with("isr; hit");

        assert_eq!(hit, !is_invalidated, "{name}: {value}");
    }
}

#[tokio::test]
async fn only_that_uri_is_invalidated_with_all_its_variants() {
    let (site, service) = crate::site_with(&[("cache-control", "max-age=60"), ("vary", "foo")]);
    for foo in ["1", "2"] {
        crate::visit_with(&service, &[("foo", foo)]).await;
    }
    ask(&service, get::<Plain>("/a?x")).await;

    ask(&service, request::<Plain>(Method::POST, "/a", &[])).await;

    assert!(
        ask(&service, get::<Plain>("/a?x"))
            .await
            .cache_status()
            .starts_with("isr; hit")
    );
    for (foo, miss) in [("1", "uri"), ("2", "vary")] {
        let answer = crate::visit_with(&service, &[("foo", foo)]).await;
        assert_eq!(
            answer.cache_status(),
            format!("isr; fwd={miss}-miss; stored")
        );
    }
    assert_eq!(site.renders(), 6);
}

#[tokio::test]
async fn what_was_on_its_way_is_not_stored_and_not_joined() {
    let site = Site::new();
    site.act(says("max-age=60"));
    let gate = Arc::new(Gate::default());
    let slow_to_answer = service_fn({
        let (site, gate) = (site.clone(), gate.clone());
        move |request: Request<Plain>| {
            let (site, gate, is_get) =
                (site.clone(), gate.clone(), request.method() == Method::GET);
            async move {
                let answer = site.oneshot(request).await;
                if is_get {
                    gate.pass().await;
                }
                answer
            }
        }
    });
    let service = crate::builder().build().unwrap().layer(slow_to_answer);
    let come = || tokio::spawn(service.clone().oneshot(get::<Plain>("/a")));
    gate.close();
    let first = come();
    gate.reached(1).await;
    ask(&service, request::<Plain>(Method::POST, "/a", &[])).await;
    site.publish(2);

    let second = come();
    gate.reached(2).await;
    gate.open();

    let overtaken = Answer::of(first.await.unwrap().unwrap()).await;
    assert_eq!(overtaken.text(), "/a v1");
    assert_eq!(
        overtaken.cache_status(),
        "isr; fwd=uri-miss; detail=overtaken"
    );
    assert_eq!(
        overtaken.header("cache-control"),
        "no-store",
        "no cache in front may keep it either"
    );
    assert_eq!(
        Answer::of(second.await.unwrap().unwrap()).await.text(),
        "/a v2"
    );
    assert_eq!(ask(&service, get::<Plain>("/a")).await.text(), "/a v2");
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn a_registered_page_is_never_invalidated() {
    let (site, isr, service) = site_and_layer(&[]);
    ask(&service, get::<Plain>("/page")).await;
    let marks = isr.cache().metrics();

    ask(&service, request::<Plain>(Method::POST, "/page", &[])).await;
    site.act(Reply::status(303).header("location", "/page"));
    ask(&service, request::<Plain>(Method::POST, "/a", &[])).await;

    assert_eq!(
        ask(&service, get::<Plain>("/page")).await.cache_status(),
        "isr; hit"
    );
    assert_eq!(
        isr.cache().metrics().marks(),
        marks.marks(),
        "nothing is marked"
    );
    assert_eq!(isr.cache().metrics().sequence(), marks.sequence());
}

#[tokio::test]
async fn what_an_editor_changes_is_invalidated_too() {
    const SECRET: &str = "a-secret-of-more-than-twenty-four-bytes";
    let site = Site::new();
    site.act(says("max-age=60"));
    let isr = crate::builder()
        .draft(SECRET)
        .build()
        .expect("the secret will do");
    let drafts = isr.draft_service().expect("draft mode is on");
    let allowed = ask(&drafts, get::<Plain>(&format!("/?secret={SECRET}"))).await;
    let cookie = allowed
        .header("set-cookie")
        .split(';')
        .next()
        .expect("a pair")
        .to_owned();
    let service = isr.layer(site.clone());
    visit(&service).await;

    ask(
        &service,
        request::<Plain>(Method::POST, "/a", &[("cookie", &cookie)]),
    )
    .await;

    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

/// HTTP/2 requests say the scheme, HTTP/1.1 requests do not; both can change one resource.
#[tokio::test]
async fn what_is_changed_over_one_version_of_http_is_invalidated_for_the_others() {
    let host = [("host", "example.com")];
    let uris = [
        "/a",
        "http://example.com/a",
        "https://example.com/a",
        "https://example.com:443/a",
    ];
    for (read, changed) in uris
        .iter()
        .flat_map(|read| uris.map(|changed| (read, changed)))
    {
        let (_, service) = site_that_says("max-age=60");
        let read = async || ask(&service, request::<Plain>(Method::GET, read, &host)).await;
        read().await;

        ask(&service, request::<Plain>(Method::POST, changed, &host)).await;

        assert_eq!(
            read().await.cache_status(),
            "isr; fwd=uri-miss; stored",
            "changed as {changed}"
        );
    }
}

/// The origin may have changed something before the client left. A request that ends without a
/// response tells nothing of it, so it counts as a success.
#[tokio::test]
async fn what_is_changed_is_invalidated_though_its_client_left() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let (site, service) = site_that_says("max-age=60");
        visit(&service).await;
        site.after().close();
        let (client, request) = (service.clone(), request::<Plain>(method.clone(), "/a", &[]));
        let client = tokio::spawn(client.oneshot(request));
        site.after().reached(2).await;
        site.publish(2);

        client.abort();
        assert!(client.await.is_err(), "the client left");
        site.after().open();
        settle().await;

        assert_eq!(visit(&service).await.text(), "/a v2", "{method}");
    }
}

#[tokio::test]
async fn a_change_that_ends_without_a_response_is_invalidated() {
    for act in [Act::Error, Act::Panic] {
        let (site, service) = site_that_says("max-age=60");
        visit(&service).await;
        site.act(act.clone());
        let (client, request) = (service.clone(), request::<Plain>(Method::POST, "/a", &[]));
        let ended = tokio::spawn(client.oneshot(request)).await;
        assert!(!ended.is_ok_and(|ended| ended.is_ok()), "{act:?}");
        site.act(says("max-age=60"));
        site.publish(2);

        assert_eq!(visit(&service).await.text(), "/a v2", "{act:?}");
    }
}

/// An inner service may begin with a request before its future is polled.
#[tokio::test]
async fn a_change_whose_future_is_never_polled_is_invalidated() {
    let (site, mut service) = site_that_says("max-age=60");
    visit(&service).await;
    site.publish(2);

    drop(service.call(request::<Plain>(Method::POST, "/a", &[])));

    assert_eq!(visit(&service).await.text(), "/a v2");
}

/// What is on its way when the client leaves may be older than the change.
#[tokio::test]
async fn a_fetch_that_began_before_the_client_of_a_change_left_is_not_stored() {
    let (site, service) = site_that_says("max-age=60");
    site.after().close();
    let reader = tokio::spawn(service.clone().oneshot(get::<Plain>("/a")));
    site.after().reached(1).await;
    let writer = tokio::spawn(
        service
            .clone()
            .oneshot(request::<Plain>(Method::POST, "/a", &[])),
    );
    site.after().reached(2).await;
    site.publish(2);

    writer.abort();
    assert!(writer.await.is_err(), "the client left");
    site.after().open();
    let _old = reader.await.expect("the reader waits");
    settle().await;

    assert_eq!(visit(&service).await.text(), "/a v2");
}

/// Sends an unsafe request for `/a`, whose client leaves before the origin has responded.
async fn change_and_leave(site: &Site, service: &Isr<Site>, method: Method) {
    let (service, begun) = (service.clone(), site.renders());
    let client = tokio::spawn(service.oneshot(request::<Plain>(method, "/a", &[])));
    site.before().reached(begun + 1).await;
    settle().await;
    client.abort();
    assert!(client.await.is_err(), "the client left");
    settle().await;
}

/// Anyone can send such a request and leave, and need not be allowed to change anything.
#[tokio::test(start_paused = true)]
async fn a_change_that_the_origin_refuses_ends_nothing_though_its_client_left() {
    for status in [400, 401, 403, 404, 405, 413] {
        for method in [Method::POST, Method::DELETE, Method::PATCH] {
            let (site, service) = site_that_says("max-age=60");
            visit(&service).await;
            site.act(Reply::status(status));
            site.after().close();

            for _ in 0..50 {
                change_and_leave(&site, &service, method.clone()).await;
            }
            site.after().open();
            settle().await;

            let hit = visit(&service).await;
            assert!(
                hit.cache_status().starts_with("isr; hit"),
                "{method} {status}: {hit:?}"
            );
        }
    }
}

/// What is stored meanwhile is as old as what was stored before.
#[tokio::test(start_paused = true)]
async fn a_change_that_is_made_after_its_client_left_ends_what_was_stored_before_it() {
    let (site, service) = site_that_says("max-age=60");
    site.script(|seen, _| match seen.method == Method::GET {
        true => says("max-age=60").into(),
        false => Reply::status(303).header("location", "/b").into(),
    });
    let come = async |path| ask(&service, get::<Plain>(path)).await;
    site.before().close();
    let changer = tokio::spawn({
        let service = service.clone();
        service.oneshot(request::<Plain>(Method::POST, "/a", &[]))
    });
    site.before().reached(1).await;
    changer.abort();
    settle().await;
    let readers = ["/a", "/b"].map(|path| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, get::<Plain>(path)).await })
    });
    settle().await;

    site.before().open();
    settle().await;
    for reader in readers {
        reader.await.expect("the site responds");
    }
    site.publish(2);

    assert_eq!(come("/a").await.text(), "/a v2");
    assert_eq!(come("/b").await.text(), "/b v2");
    assert_eq!(site.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_hangs_once_its_client_left_ends_in_thirty_seconds_and_counts() {
    let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=600")]);
    visit(&service).await;
    site.act(Act::Hang);
    change_and_leave(&site, &service, Method::POST).await;

    for (seconds, running, start) in [(29, 1, "isr; hit"), (1, 0, "isr; fwd=uri-miss")] {
        site.act(says("max-age=600"));
        pass(seconds).await;
        settle().await;
        let answer = visit(&service).await;
        assert!(answer.cache_status().starts_with(start), "{answer:?}");
        assert_eq!(
            (site.running(), isr.cache().metrics().tasks()),
            (running, running)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_finds_no_place_once_its_client_left_counts_at_once() {
    let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=600")]);
    visit(&service).await;
    site.act(Act::Hang);
    for _ in 0..64 {
        change_and_leave(&site, &service, Method::POST).await;
    }
    site.act(says("max-age=600"));
    assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
    site.act(Act::Hang);

    change_and_leave(&site, &service, Method::POST).await;

    assert_eq!((site.running(), isr.cache().metrics().tasks()), (64, 64));
    site.act(says("max-age=600"));
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}
