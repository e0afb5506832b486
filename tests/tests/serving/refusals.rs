//! Tests that a response that may not be stored reaches its leader alone, and that the key is
//! remembered for a while.

use http::Method;
use isr_layer::{Isr, Mode, Policy, Purge, context};
use isr_tests::{Act, Answer, Reply, Site, ask, request, settle};

use crate::{A, Plain, a, pass, site_and_layer, site_with, ten_seconds, visit};

fn no_store_by_word() -> Act {
    context::no_store();
    Reply::page().into()
}

/// Returns each response that is refused, with its word in `Cache-Status`.
fn refusals() -> Vec<(Act, &'static str)> {
    let reply = |name, value| Act::from(Reply::page().header(name, value));
    let status = |status| Act::from(Reply::status(status));
    vec![
        (reply("set-cookie", "id=1"), "set-cookie"),
        (reply("cache-control", "no-store"), "cache-control"),
        (
            reply("cache-control", "private, max-age=60"),
            "cache-control",
        ),
        (reply("cache-control", "no-cache"), "cache-control"),
        (reply("vary", "cookie"), "vary"),
        (reply("vary", "*"), "vary"),
        (status(201), "status"),
        (Reply::status(204).empty().into(), "status"),
        (status(302), "status"),
        (status(303), "status"),
        (status(307), "status"),
        (status(400), "status"),
        (status(401), "status"),
        (status(403), "status"),
    ]
}

/// Sends requests of a leader, which stands at the gate, and of two followers. Returns their
/// responses, the leader's first.
async fn three(site: &Site, service: &Isr<Site>) -> Vec<Answer> {
    site.before().close();
    let before = site.renders();
    let visit = || {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, a()).await })
    };
    let leader = visit();
    site.before().reached(before + 1).await;
    let followers = [visit(), visit()];
    settle().await;
    site.before().open();
    let mut answers = vec![leader.await.expect("the leader is answered")];
    for follower in followers {
        answers.push(follower.await.expect("the follower is answered"));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn the_leader_gets_its_answer_alone_and_each_follower_renders_for_itself() {
    for (act, word) in refusals() {
        let (site, service) = site_with(A);
        site.act(act);

        let answers = three(&site, &service).await;

        // A response that varies by the client's headers is asked for again with them.
        let renders = if word == "vary" { 4 } else { 3 };
        assert_eq!(site.renders(), renders, "{word}");
        assert_eq!(
            answers[0].cache_status(),
            format!("isr; fwd=uri-miss; detail={word}")
        );
        assert_eq!(answers[1].status, answers[0].status);
        assert!(
            answers[1].cache_status().contains(word),
            "{}",
            answers[1].cache_status()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_client_gets_its_own_cookie() {
    let (site, service) = site_with(A);
    let next = std::sync::atomic::AtomicUsize::new(1);
    site.script(move |_, _| {
        let id = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Reply::page()
            .header("set-cookie", &format!("id={id}"))
            .into()
    });

    let answers = three(&site, &service).await;
    let later = visit(&service).await;

    let mut cookies = answers
        .iter()
        .map(|answer| answer.header("set-cookie"))
        .collect::<Vec<_>>();
    cookies.sort_unstable();
    assert_eq!(cookies, ["id=1", "id=2", "id=3"]);
    assert_eq!(later.header("set-cookie"), "id=4");
}

#[tokio::test(start_paused = true)]
async fn a_refused_answer_keeps_the_handlers_headers_and_says_no_store_where_it_said_nothing() {
    let (site, service) = site_with(A);
    site.act(
        Reply::status(401)
            .header("www-authenticate", "Basic")
            .header("x-own", "1"),
    );
    let silent = visit(&service).await;
    let (site, service) = site_with(A);
    site.act(Reply::page().header("cache-control", "private, max-age=60"));
    let outspoken = visit(&service).await;

    assert_eq!(silent.header("www-authenticate"), "Basic");
    assert_eq!(silent.header("x-own"), "1");
    assert_eq!(silent.header("cache-control"), "no-store");
    assert_eq!(outspoken.header("cache-control"), "private, max-age=60");
    for absent in ["age", "etag"] {
        assert!(
            !silent.headers.contains_key(absent) && !outspoken.headers.contains_key(absent),
            "{absent}"
        );
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_say_that_its_answer_is_not_stored() {
    let (site, service) = site_with(A);
    site.script(|_, _| no_store_by_word());

    let answer = visit(&service).await;
    visit(&service).await;

    assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; detail=no-store");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_remembered_for_two_minutes_and_needs_no_flight() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("set-cookie", "id=1"));
    visit(&service).await;
    site.act(Reply::page());

    pass(119).await;
    let still = visit(&service).await;
    pass(1).await;
    let again = visit(&service).await;

    assert_eq!(still.cache_status(), "isr; fwd=bypass; detail=set-cookie");
    assert_eq!(again.cache_status(), "isr; fwd=uri-miss; stored");
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_refused_key_do_not_wait_for_each_other() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("set-cookie", "id=1"));
    visit(&service).await;
    site.before().close();

    let clients = (0..10).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { visit(&service).await })
    });
    let clients = clients.collect::<Vec<_>>();
    site.before().reached(11).await;

    assert_eq!(site.running(), 10);
    site.before().open();
    for client in clients {
        assert_eq!(client.await.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_matching_purge_ends_the_memory_of_a_refusal() {
    const TAGGED: isr_layer::Page = A.with_policy(Policy::new().tags(&["posts"]));
    for purge in [
        Purge::path("/a"),
        Purge::page("/a"),
        Purge::tag("posts"),
        Purge::prefix("/a"),
        Purge::all(),
    ] {
        let (site, isr, service) = site_and_layer(TAGGED);
        site.act(Reply::page().header("set-cookie", "id=1"));
        visit(&service).await;
        site.act(Reply::page());

        let _ = isr
            .cache()
            .revalidate(purge.clone().mode(Mode::Stale))
            .await;

        assert_eq!(
            visit(&service).await.cache_status(),
            "isr; fwd=uri-miss; stored",
            "{purge:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_refresh_drops_the_old_entry() {
    for (act, word) in refusals() {
        let (site, service) = site_with(ten_seconds());
        visit(&service).await;
        site.act(act);
        site.publish(2);
        pass(10).await;

        visit(&service).await;
        settle().await;
        let after = visit(&service).await;

        assert!(
            !after.text().contains("v1"),
            "{word}: the old page is still served"
        );
        assert_eq!(
            after.cache_status(),
            format!("isr; fwd=bypass; detail={word}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_limit_is_streamed_on_byte_for_byte_with_its_trailers() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(10)));
    site.act(
        Reply::page()
            .chunk("0123456")
            .chunk("789ab")
            .chunk("cdef")
            .trailer("x-sum", "s"),
    );

    let answer = visit(&service).await;
    let again = visit(&service).await;

    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "0123456789abcdef")
    );
    assert_eq!(
        answer.trailers.as_ref().expect("trailers arrive")["x-sum"],
        "s"
    );
    assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; detail=too-large");
    assert_eq!(again.text(), "0123456789abcdef");
}

#[tokio::test(start_paused = true)]
async fn eight_mebibytes_are_the_limit_unless_set() {
    const LIMIT: usize = 8 * 1024 * 1024;
    for (length, renders) in [(LIMIT, 1), (LIMIT + 1, 2)] {
        let (site, service) = site_with(A);
        site.act(
            Reply::page()
                .chunk(vec![b'x'; LIMIT])
                .chunk(vec![b'x'; length - LIMIT]),
        );

        for _ in 0..2 {
            let answer = visit(&service).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (200, length));
        }

        assert_eq!(site.renders(), renders, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_for_a_refused_answer_render_from_the_recipe_too() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("set-cookie", "id=1"));
    site.before().close();
    let clients = [1, 2, 3].map(|n| {
        let (service, cookie) = (service.clone(), format!("session={n}"));
        let headers = [
            ("cookie", cookie.as_str()),
            ("authorization", "me"),
            ("if-none-match", "*"),
        ];
        let request = isr_tests::request::<crate::Plain>(http::Method::GET, "/a?utm=1", &headers);
        tokio::spawn(async move { ask(&service, request).await })
    });
    site.before().reached(1).await;
    settle().await;
    site.before().open();
    for client in clients {
        assert_eq!(
            client
                .await
                .expect("the client is answered")
                .header("set-cookie"),
            "id=1"
        );
    }

    assert_eq!(site.renders(), 3);
    assert!(
        site.seen()
            .iter()
            .all(|seen| seen.headers.is_empty() && seen.uri == "/a")
    );
}

/// Trailers are stored, so a cookie among them would reach all clients.
#[tokio::test(start_paused = true)]
async fn a_cookie_in_the_trailers_is_refused_as_well_and_no_failure_shares_one() {
    let (site, service) = site_with(A);
    site.act(Reply::page().trailer("set-cookie", "id=1"));
    let refused = visit(&service).await;
    let (failing, other) = site_with(A);
    failing.act(Reply::status(500).trailer("set-cookie", "id=1"));
    visit(&other).await;
    let remembered = visit(&other).await;

    assert_eq!(
        refused.cache_status(),
        "isr; fwd=uri-miss; detail=set-cookie"
    );
    assert_eq!(
        refused.trailers.expect("it is the client's own")["set-cookie"],
        "id=1"
    );
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=bypass; detail=set-cookie"
    );
    assert_eq!(
        (remembered.cache_status(), &remembered.trailers),
        ("isr; hit; detail=backoff", &None)
    );
    assert_eq!((site.renders(), failing.renders()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_body_of_exactly_the_limit_is_stored() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(10)));
    site.act(Reply::page().chunk("01234").chunk("56789"));

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_grows_past_the_limit_drops_its_old_entry() {
    let policy = Policy::new().max_body(10).revalidate(crate::secs(10));
    let (site, service) = site_with(A.with_policy(policy));
    visit(&service).await;
    site.act(Reply::page().chunk("a page that has grown"));
    pass(10).await;

    visit(&service).await;
    settle().await;

    assert_eq!(visit(&service).await.text(), "a page that has grown");
}

#[tokio::test(start_paused = true)]
async fn vary_on_what_is_declared_or_on_accept_encoding_is_no_refusal() {
    let (site, service) = site_with(A.with_policy(Policy::new().vary(&["accept-language"])));
    site.act(Reply::page().header("vary", "Accept-Encoding, ACCEPT-LANGUAGE"));

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
}

/// Once, the response to HEAD had no length if it was not stored, though that to GET had one.
#[tokio::test(start_paused = true)]
async fn head_of_a_refused_answer_states_the_length_that_get_has() {
    let (site, service) = site_with(ten_seconds());
    site.script(|_, _| no_store_by_word());

    let first = ask(
        &service,
        isr_tests::head::<http_body_util::Full<bytes::Bytes>>(A.path()),
    )
    .await;
    let second = ask(
        &service,
        isr_tests::head::<http_body_util::Full<bytes::Bytes>>(A.path()),
    )
    .await;
    let whole = visit(&service).await;

    for head in [first, second] {
        assert_eq!(head.text(), "");
        assert_eq!(
            head.header("content-length"),
            whole.text().len().to_string()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_an_answer_that_has_no_body_states_no_length() {
    use tower::Layer;
    let service =
        crate::isr([A]).layer(tower::service_fn(async |_: http::Request<crate::Plain>| {
            let mut response = http::Response::new(crate::Plain::default());
            *response.status_mut() = http::StatusCode::NO_CONTENT;
            Ok::<_, std::convert::Infallible>(response)
        }));

    let head = ask(
        &service,
        isr_tests::request::<crate::Plain>(http::Method::HEAD, "/a", &[]),
    )
    .await;

    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (204, "")
    );
}

/// As `CorsLayer` behind the layer does: each client's `Origin` is in its response.
#[tokio::test(start_paused = true)]
async fn a_response_that_varies_by_the_clients_headers_is_made_with_them() {
    let (site, service) = site_with(A);
    site.script(|seen, _| {
        let origin = seen.headers.get("origin").map_or("none", |origin| {
            origin.to_str().expect("an origin is ASCII")
        });
        let reply = Reply::page().header("vary", "origin");
        reply.header("access-control-allow-origin", origin).into()
    });

    for origin in [
        "https://a.example",
        "https://b.example",
        "https://a.example",
    ] {
        let request = request::<Plain>(Method::GET, "/a", &[("origin", origin)]);
        let answer = ask(&service, request).await;

        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert!(
            answer.cache_status().ends_with("detail=vary"),
            "{}",
            answer.cache_status()
        );
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_varies_by_its_clients_has_its_time_limit_and_panics_for_one_client() {
    for (act, status) in [(Act::Hang, 504), (Act::Panic, 500)] {
        let (site, service) = site_with(A);
        site.act(Reply::page().header("vary", "origin"));
        visit(&service).await;
        site.act(act);
        let began = tokio::time::Instant::now();

        let answer = visit(&service).await;

        assert_eq!(answer.status.as_u16(), status);
        assert!(began.elapsed().as_secs() <= 30);
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_page_that_varies_by_its_clients_is_gets() {
    let (site, service) = site_with(A);
    site.act(
        Reply::page()
            .header("vary", "origin")
            .header("content-length", "5"),
    );

    for _ in 0..2 {
        let head = ask(&service, isr_tests::head::<Plain>("/a")).await;

        assert_eq!((head.header("content-length"), head.text()), ("5", ""));
        assert!(site.seen().iter().all(|seen| seen.method == Method::GET));
    }
}
