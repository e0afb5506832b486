//! Tests the headers for caches in front of us: they are constant for each entry, end when the
//! entry expires, and never let a cache keep a page that a purge has marked.

use http::Method;
use isr_layer::{Downstream, ErrorKind, Isr, IsrLayer, Mode, Page, Policy, Purge, context};
use isr_tests::{Act, Answer, Reply, Site, ask, get, request, settle};
use tower::Layer;

use crate::{A, Plain, pass, secs, ten_seconds, visit};

const NOBODY: &str = "public, max-age=0, must-revalidate";
const TEN_SECONDS: &str =
    "public, max-age=0, must-revalidate, s-maxage=10, stale-while-revalidate=90";

fn site_with(page: Page, downstream: Downstream) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([page])
        .downstream(downstream)
        .build()
        .expect("all of it is accepted");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

/// Returns the `Cache-Control` of a 412 or a 416.
async fn refusal(service: &Isr<Site>, header: (&'static str, &'static str)) -> String {
    let request = request::<Plain>(Method::GET, "/a", &[header]);
    let answer = ask(service, request).await;
    assert!([412, 416].contains(&answer.status.as_u16()), "{header:?}");
    answer.header("cache-control").to_owned()
}

async fn said(page: Page, downstream: Downstream) -> Answer {
    let (_, _, service) = site_with(page, downstream);
    visit(&service).await
}

#[tokio::test(start_paused = true)]
async fn a_cdn_may_keep_a_page_for_its_whole_lifetime_and_age_says_what_is_left_of_it() {
    let (_, _, service) = site_with(ten_seconds(), Downstream::cdn());

    for (seconds, age) in [(0, ""), (0, "0"), (4, "4"), (5, "9")] {
        pass(seconds).await;
        let answer = visit(&service).await;
        assert_eq!(
            (answer.header("cache-control"), answer.header("age")),
            (TEN_SECONDS, age)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_has_used_up_its_lifetime() {
    let (site, _, service) = site_with(ten_seconds(), Downstream::cdn());
    visit(&service).await;
    pass(30).await;
    site.before().close();

    let stale = visit(&service).await;

    assert_eq!(
        (stale.header("cache-control"), stale.header("age")),
        (TEN_SECONDS, "30")
    );
}

#[tokio::test(start_paused = true)]
async fn head_and_304_say_what_get_says() {
    let (_, _, service) = site_with(ten_seconds(), Downstream::cdn());
    let etag = visit(&service).await.header("etag").to_owned();

    let head = ask(&service, request::<Plain>(Method::HEAD, "/a", &[])).await;
    let not_modified = ask(
        &service,
        request::<Plain>(Method::GET, "/a", &[("if-none-match", &etag)]),
    )
    .await;

    assert_eq!(head.header("cache-control"), TEN_SECONDS);
    assert_eq!(
        (
            not_modified.status.as_u16(),
            not_modified.header("cache-control")
        ),
        (304, TEN_SECONDS)
    );
}

#[tokio::test(start_paused = true)]
async fn no_cache_serves_a_page_past_its_end() {
    let page = |policy| A.with_policy(policy);
    for (page, expected) in [
        (
            page(Policy::new().revalidate(secs(10)).expire(secs(10))),
            ", s-maxage=10",
        ),
        (page(Policy::new().revalidate(secs(10))), ", s-maxage=10"),
        (page(Policy::new().expire(secs(20))), ", s-maxage=20"),
    ] {
        let answer = said(page, Downstream::cdn()).await;

        assert_eq!(
            answer.header("cache-control"),
            format!("{NOBODY}{expected}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_only_a_purge_ends_is_kept_by_nobody_else() {
    assert_eq!(
        said(A, Downstream::cdn()).await.header("cache-control"),
        NOBODY
    );
}

#[tokio::test(start_paused = true)]
async fn the_lifetime_is_the_one_the_handler_lowered() {
    let (site, _, service) = site_with(ten_seconds(), Downstream::cdn());
    site.script(|_, _| {
        context::revalidate_after(secs(3));
        context::expire_after(secs(5));
        Reply::page().into()
    });

    let answer = visit(&service).await;

    assert_eq!(
        answer.header("cache-control"),
        format!("{NOBODY}, s-maxage=3, stale-while-revalidate=2")
    );
}

#[tokio::test(start_paused = true)]
async fn a_404_is_kept_as_long_as_we_keep_it() {
    let (site, _, service) = site_with(ten_seconds(), Downstream::cdn());
    site.act(Reply::status(404));

    assert_eq!(
        visit(&service).await.header("cache-control"),
        format!("{NOBODY}, s-maxage=10")
    );
}

#[tokio::test(start_paused = true)]
async fn the_handlers_own_cache_control_wins() {
    let (site, _, service) = site_with(ten_seconds(), Downstream::cdn().cdn_cache_control(true));
    site.act(Reply::page().header("cache-control", "public, max-age=5"));

    let answer = visit(&service).await;

    assert_eq!(answer.header("cache-control"), "public, max-age=5");
    assert_eq!(answer.header("cdn-cache-control"), "");
}

#[tokio::test(start_paused = true)]
async fn a_field_for_cdns_leaves_cache_control_to_browsers() {
    let answer = said(ten_seconds(), Downstream::cdn().cdn_cache_control(true)).await;

    assert_eq!(
        answer.header("cdn-cache-control"),
        "public, max-age=10, stale-while-revalidate=90"
    );
    assert_eq!(answer.header("cache-control"), NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_a_purge_has_marked_is_kept_by_nobody() {
    for downstream in [Downstream::cdn(), Downstream::cdn().cdn_cache_control(true)] {
        let (site, isr, service) = site_with(ten_seconds(), downstream);
        visit(&service).await;
        site.before().close();
        let _ = isr
            .cache()
            .revalidate(Purge::path("/a").mode(Mode::Stale))
            .await;

        let marked = visit(&service).await;
        site.before().open();
        settle().await;
        let renewed = visit(&service).await;

        assert_eq!(marked.cache_status(), "isr; hit; ttl=0; detail=stale-mark");
        assert_eq!(
            (
                marked.header("cache-control"),
                marked.header("cdn-cache-control")
            ),
            (NOBODY, "")
        );
        for header in [("if-match", "\"other\""), ("range", "bytes=10000-")] {
            assert_eq!(refusal(&service, header).await, "no-store", "{header:?}");
        }
        assert!(
            renewed.header("cache-control") != NOBODY
                || renewed.headers.contains_key("cdn-cache-control")
        );
    }
}

/// A CDN would show for an hour what a purge has ended, and no later purge would reach it.
#[tokio::test(start_paused = true)]
async fn a_marked_page_is_kept_by_nobody_whatever_its_handler_said() {
    for (name, value) in [
        ("cache-control", "public, s-maxage=3600"),
        ("cache-control", "max-age=3600, immutable"),
        ("expires", "Fri, 31 Dec 2100 23:59:59 GMT"),
        ("cdn-cache-control", "max-age=3600"),
        ("cloudflare-cdn-cache-control", "max-age=3600"),
        ("surrogate-control", "max-age=3600"),
        // nginx obeys it before `Cache-Control`, also before `no-store`.
        ("x-accel-expires", "3600"),
        ("edge-control", "cache-maxage=1h"),
        ("x-litespeed-cache-control", "public,max-age=3600"),
    ] {
        for downstream in [Downstream::default(), Downstream::cdn()] {
            let (site, isr, service) = site_with(ten_seconds(), downstream);
            site.act(Reply::page().header(name, value));
            assert_eq!(visit(&service).await.header(name), value);
            let cache = isr.cache();
            let purge = async |mode| cache.revalidate(Purge::path("/a").mode(mode)).await;

            site.before().close();
            let _ = purge(Mode::Stale).await;
            let stale = visit(&service).await;
            site.act(Reply::status(500));
            site.before().open();
            settle().await;
            let _ = purge(Mode::Expire).await;
            let kept = visit(&service).await;

            assert_eq!(stale.cache_status(), "isr; hit; ttl=0; detail=stale-mark");
            assert!(kept.cache_status().ends_with("detail=failed-status"));
            for answer in [stale, kept] {
                assert_eq!(answer.header("cache-control"), NOBODY, "{name}: {value}");
                let is_left = name != "cache-control" && answer.headers.contains_key(name);
                assert!(!is_left, "{name}: {value}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_good_page_after_a_purge_is_kept_by_nobody() {
    let (site, isr, service) = site_with(ten_seconds(), Downstream::cdn());
    visit(&service).await;
    site.act(Reply::status(500));
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    for detail in ["failed-status", "backoff"] {
        let kept = visit(&service).await;
        assert_eq!(
            (kept.status.as_u16(), kept.header("cache-control")),
            (200, NOBODY)
        );
        assert!(
            kept.cache_status().ends_with(detail),
            "{}",
            kept.cache_status()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_purged_while_it_was_rendered_is_kept_by_nobody() {
    let (site, isr, service) = site_with(ten_seconds(), Downstream::cdn());
    site.after().close();
    let client = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.after().reached(1).await;
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Stale))
        .await;
    site.after().open();

    let overtaken = client.await.expect("the client is answered");

    assert_eq!(
        (overtaken.text(), overtaken.header("cache-control")),
        ("/a v1", NOBODY)
    );
}

/// No mark reaches what is not stored, so it says `no-store`, whatever its handler said.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_stored_and_was_purged_while_it_was_rendered_is_kept_by_nobody() {
    let for_an_hour = || Reply::page().header("cache-control", "s-maxage=3600");
    for (reply, is_purged) in [
        (for_an_hour().chunk(vec![b'a'; 2_000]), true),
        (
            for_an_hour()
                .header("x-accel-expires", "3600")
                .header("vary", "cookie"),
            true,
        ),
        (for_an_hour().chunk(vec![b'a'; 2_000]), false),
    ] {
        let small = ten_seconds().with_policy(Policy::new().max_body(1_000));
        let (site, isr, service) = site_with(small, Downstream::cdn());
        site.act(reply);
        site.after().close();
        let client = tokio::spawn({
            let service = service.clone();
            async move { visit(&service).await }
        });
        site.after().reached(1).await;
        if is_purged {
            let _ = isr
                .cache()
                .revalidate(Purge::path("/a").mode(Mode::Stale))
                .await;
        }
        site.after().open();

        let answer = client.await.expect("the client is answered");

        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("x-accel-expires"));
        let expected = if is_purged {
            "no-store"
        } else {
            "s-maxage=3600"
        };
        assert_eq!(answer.header("cache-control"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_stored_invites_nobody_to_store_it() {
    let acts: [Act; 8] = [
        Reply::page().header("set-cookie", "id=1").into(),
        Reply::page().header("vary", "cookie").into(),
        Reply::status(201).into(),
        Reply::status(403).into(),
        Reply::status(500).into(),
        Reply::page().empty().into(),
        Reply::page().cut().into(),
        Act::Panic,
    ];
    for act in acts {
        let what = format!("{act:?}");
        let (site, _, service) = site_with(
            ten_seconds(),
            Downstream::cdn().surrogate_keys("Surrogate-Key"),
        );
        site.act(act);

        // The first response was made for its client. The second is remembered, or made for its
        // client alone.
        for _ in 0..2 {
            let answer = visit(&service).await;
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            assert_eq!(answer.header("surrogate-key"), "", "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_an_entry_are_told_escaped() {
    const TAGGED: Page =
        Page::new("/posts/{slug}").with_policy(Policy::new().tags(&["posts", "post:{slug}"]));
    for (name, expected) in [
        (
            "Surrogate-Key",
            "author:1%2C2 post:caf%C3%A9%20au%20lait posts",
        ),
        ("Cache-Tag", "author:1%2C2,post:caf%C3%A9%20au%20lait,posts"),
    ] {
        let (site, _, service) = site_with(TAGGED, Downstream::default().surrogate_keys(name));
        site.script(|_, _| {
            context::tag("author:1,2");
            Reply::page().into()
        });

        for _ in 0..2 {
            let answer = ask(&service, get::<Plain>("/posts/caf%C3%A9%20au%20lait")).await;
            assert_eq!(answer.header(name), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_tags_do_not_fit_is_kept_by_nobody() {
    for own in [None, Some("s-maxage=3600")] {
        let (site, _, service) =
            site_with(ten_seconds(), Downstream::cdn().surrogate_keys("Cache-Tag"));
        site.script(move |_, _| {
            (0..1000).for_each(|n| context::tag(format!("a tag of some length {n}")));
            let add = |reply: Reply, own| reply.header("cache-control", own);
            own.into_iter().fold(Reply::page(), add).into()
        });

        let answer = visit(&service).await;

        assert_eq!(
            (answer.header("cache-control"), answer.header("cache-tag")),
            (NOBODY, ""),
            "{own:?}"
        );
    }
}

#[test]
fn a_name_that_is_none_for_a_header_is_refused() {
    let downstream = Downstream::cdn().surrogate_keys("Cache Tag");

    let refused = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .downstream(downstream)
        .build()
        .unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("`Cache Tag`"), "{refused}");
}

/// An integer of a structured field has 15 digits at most (RFC 9651, 3.3.1), and a cache may count
/// no seconds beyond 2^31 (RFC 9111, 1.2.2): with more, a whole field is invalid.
#[tokio::test(start_paused = true)]
async fn a_lifetime_is_told_no_longer_than_the_fields_allow() {
    let longest = std::time::Duration::MAX;
    let ages = std::time::Duration::from_secs(10_000_000_000);
    for policy in [
        Policy::new().revalidate(longest),
        Policy::new().revalidate(longest).expire(longest),
        Policy::new().expire(ages),
        Policy::new().revalidate(secs(60)).expire(longest),
        Policy::new().revalidate(longest).jitter(true),
        Policy::new().revalidate(longest).timeout(longest),
    ] {
        for downstream in [Downstream::cdn(), Downstream::cdn().cdn_cache_control(true)] {
            let (site, _, service) = site_with(A.with_policy(policy), downstream);
            let first = visit(&service).await;
            pass(7).await;
            let hit = visit(&service).await;

            let told = hit.cache_status();
            let ttl = told.strip_prefix("isr; hit; ttl=").unwrap_or_default();
            let ttl = ttl.parse::<u64>().expect("it is a hit with its `ttl`");
            assert!(ttl == 53 || ttl == (1 << 31) - 7, "{policy:?}: {told}");
            for field in ["cache-control", "cdn-cache-control"] {
                let numbers = first.header(field).split(|c: char| !c.is_ascii_digit());
                let numbers = numbers.filter_map(|number| number.parse::<u64>().ok());
                let is_told = |number| [0, 60, 1 << 31].contains(&number);
                assert!(
                    { numbers }.all(is_told),
                    "{policy:?}: {}",
                    first.header(field)
                );
            }
            assert_eq!(site.renders(), 1, "{policy:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_give_the_longest_lifetime_too() {
    let (site, _, service) = site_with(A, Downstream::cdn());
    site.script(|_, _| {
        context::revalidate_after(std::time::Duration::MAX);
        Reply::page().into()
    });
    visit(&service).await;

    let hit = visit(&service).await;

    assert_eq!(hit.cache_status(), "isr; hit; ttl=2147483648");
    assert!(hit.header("cache-control").ends_with("s-maxage=2147483648"));
}

/// RFC 9875: a List of Strings.
#[tokio::test(start_paused = true)]
async fn cache_groups_are_a_list_of_strings() {
    for name in ["Cache-Groups", "cache-groups"] {
        let (site, _, service) = site_with(ten_seconds(), Downstream::cdn().surrogate_keys(name));
        site.script(|_, _| {
            for tag in [
                "posts",
                "a b",
                "a,b",
                "say \"x\"",
                "back\\slash",
                "caf\u{e9}",
                "5%",
            ] {
                context::tag(tag);
            }
            Reply::page().into()
        });

        let answer = visit(&service).await;

        let list = sfv::Parser::new(answer.header("cache-groups")).parse::<sfv::List>();
        let mut groups = Vec::new();
        for member in list.expect("it is a list") {
            let sfv::ListEntry::Item(item) = member else {
                panic!("no member is a list itself")
            };
            let group = item.bare_item.as_string().expect("it is a String");
            groups.push(group.as_str().to_owned());
        }
        groups.sort();
        let expected = [
            "5%25",
            "a b",
            "a,b",
            "back\\slash",
            "caf%C3%A9",
            "posts",
            "say \"x\"",
        ];
        assert_eq!(groups, expected);
    }
}

/// A stock nginx refuses a response whose head is larger than 4 KiB.
#[tokio::test(start_paused = true)]
async fn the_tags_of_a_page_leave_room_for_its_other_headers_in_a_stock_proxy() {
    for (tags, limit, is_told) in [
        (300, None, true),
        (400, None, false),
        (400, Some(8 * 1024), true),
        (1000, Some(8 * 1024), false),
        (10, Some(64), false),
    ] {
        let keys = Downstream::cdn().surrogate_keys("Cache-Tag");
        let downstream = match limit {
            Some(limit) => keys.max_surrogate_keys_bytes(limit),
            None => keys,
        };
        let (site, _, service) = site_with(ten_seconds(), downstream);
        site.script(move |_, _| {
            (0..tags).for_each(|n| context::tag(format!("tag-{n:05}")));
            Reply::page().into()
        });

        let answer = visit(&service).await;

        assert_eq!(
            answer.headers.contains_key("cache-tag"),
            is_told,
            "{tags} {limit:?}"
        );
        let told = answer.header("cache-control");
        assert_eq!(told != NOBODY, is_told, "{tags} {limit:?}: {told}");
    }
}
