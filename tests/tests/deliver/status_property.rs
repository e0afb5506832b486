//! Tests that in every situation `Cache-Status` parses as RFC 8941 and says only what RFC 9211
//! allows.

use http::Method;
use isr_layer::{Isr, Mode, Policy, Purge};
use isr_tests::{Act, Answer, Reply, Site, request, settle, try_ask};
use proptest::prelude::*;
use sfv::{Item, List, ListEntry, Parser};

use crate::{A, BROWSER, Plain, Stage, html, secs};

/// The values of `fwd` (RFC 9211, 2.2).
const FORWARD: [&str; 8] = [
    "bypass",
    "method",
    "uri-miss",
    "vary-miss",
    "miss",
    "request",
    "stale",
    "partial",
];

/// The parameters of our member. The key is never one of them.
const PARAMETERS: [&str; 6] = ["hit", "fwd", "stored", "collapsed", "ttl", "detail"];

/// Returns the members of the only `Cache-Status` line of a response.
fn members(answer: &Answer) -> Vec<Item> {
    let lines = answer
        .headers
        .get_all("cache-status")
        .iter()
        .collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let list = Parser::new(lines[0].as_bytes()).parse::<List>();
    let list = list.unwrap_or_else(|error| panic!("{:?} is no list: {error}", lines[0]));
    let item = |entry| match entry {
        ListEntry::Item(item) => item,
        ListEntry::InnerList(list) => panic!("a member is a list: {list:?}"),
    };
    list.into_iter().map(item).collect()
}

/// Asserts that our member is the last one and the only one of ours, and says exactly one of `hit`
/// and `fwd`.
pub(crate) fn assert_is_rfc_9211(answer: &Answer) {
    let mut members = members(answer);
    let ours = members.pop().expect("there is a member");
    let name = |item: &Item| {
        item.bare_item
            .as_token()
            .map(|token| token.as_str().to_owned())
    };
    let is_ours = |item: &Item| name(item).as_deref() == Some("isr");
    assert!(
        is_ours(&ours) && !members.iter().any(is_ours),
        "{}",
        answer.cache_status()
    );

    let said = |name: &str| ours.params.get(name);
    let flag = |name: &str| said(name).is_some_and(|value| value.as_boolean() == Some(true));
    assert!(
        ours.params
            .keys()
            .all(|name| PARAMETERS.contains(&name.as_str())),
        "{ours:?}"
    );
    assert!(flag("hit") != said("fwd").is_some(), "{ours:?}");
    assert!(said("hit").is_none() || flag("hit"), "{ours:?}");
    if let Some(forward) = said("fwd") {
        let forward = forward.as_token().expect("`fwd` is a token").as_str();
        assert!(FORWARD.contains(&forward), "{forward}");
    } else {
        assert!(
            said("stored").is_none() && said("collapsed").is_none(),
            "{ours:?}"
        );
    }
    assert!(
        said("ttl").is_none_or(|ttl| ttl.as_integer().is_some()),
        "{ours:?}"
    );
    assert!(
        said("detail").is_none_or(|detail| detail.as_token().is_some()),
        "{ours:?}"
    );
}

/// One event of a situation.
#[derive(Clone, Debug)]
enum Event {
    Act(usize),
    Ask {
        head: bool,
        headers: Vec<(&'static str, &'static str)>,
        clients: usize,
    },
    Pass(u64),
    Purge(Mode),
}

fn acts() -> Vec<Act> {
    vec![
        html().into(),
        html().header("cache-status", "origin; hit; ttl=5").into(),
        html()
            .header("cache-status", "")
            .header("etag", "W/\"v1\"")
            .into(),
        Reply::page()
            .header("set-cookie", "id=1")
            .header("cache-status", "origin; fwd=miss")
            .into(),
        Reply::page().header("cache-control", "no-store").into(),
        Reply::page().header("vary", "*").into(),
        Reply::page().chunk("x".repeat(20_000)).into(),
        Reply::page().empty().into(),
        Reply::page().cut().into(),
        Reply::status(201).into(),
        Reply::status(301).into(),
        Reply::status(404).into(),
        Reply::status(500).into(),
        Act::Error,
        Act::Panic,
        Act::Hang,
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let header = prop::sample::select(vec![
        ("accept-encoding", BROWSER),
        ("accept-encoding", "gzip"),
        ("if-none-match", "*"),
        ("if-match", "\"other\""),
        ("range", "bytes=0-0"),
        ("range", "bytes=999999-"),
        ("cache-control", "no-cache"),
    ]);
    let ask = (
        any::<bool>(),
        prop::collection::vec(header, 0..3),
        1..4_usize,
    );
    prop_oneof![
        3 => (0..acts().len()).prop_map(Event::Act),
        6 => ask.prop_map(|(head, headers, clients)| Event::Ask { head, headers, clients }),
        2 => prop::sample::select(vec![1, 9, 11, 70, 130]).prop_map(Event::Pass),
        1 => prop::sample::select(vec![Mode::Stale, Mode::Expire, Mode::Regenerate]).prop_map(Event::Purge),
    ]
}

/// Sends requests of several clients at once, and checks each response.
async fn ask_at_once(
    service: &Isr<Site>,
    head: bool,
    headers: &[(&'static str, &'static str)],
    clients: usize,
) {
    let client = |_| {
        let method = if head { Method::HEAD } else { Method::GET };
        let request = request::<Plain>(method, "/a", headers);
        let service = service.clone();
        tokio::spawn(async move { try_ask(&service, request).await })
    };
    for client in (0..clients).map(client).collect::<Vec<_>>() {
        // An error of the service reaches the client unchanged.
        if let Ok(answer) = client.await.expect("a client is answered") {
            assert_is_rfc_9211(&answer);
        }
    }
}

async fn play(events: Vec<Event>) {
    let policy = Policy::new()
        .revalidate(secs(10))
        .expire(secs(100))
        .timeout(secs(5))
        .max_body(10_000);
    let stage = Stage::new(A.with_policy(policy));
    for event in events {
        match event {
            Event::Act(at) => stage.site.act(acts().swap_remove(at)),
            Event::Ask {
                head,
                headers,
                clients,
            } => {
                ask_at_once(&stage.service, head, &headers, clients).await;
            }
            Event::Pass(seconds) => crate::pass(seconds).await,
            Event::Purge(mode) => {
                let _ = stage
                    .isr
                    .cache()
                    .revalidate(Purge::path("/a").mode(mode))
                    .await;
            }
        }
        settle().await;
    }
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime starts").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_says_either_hit_or_fwd_in_a_list_that_parses(events in prop::collection::vec(event(), 1..25)) {
        // Panics of the site are expected events. Their messages in the output are no failure.
        paused(play(events));
    }
}

#[tokio::test]
async fn the_key_is_never_told() {
    let stage = Stage::new(A);

    let answers = [stage.get(&[]).await, stage.get(&[]).await];

    for answer in &answers {
        let status = answer.cache_status();
        assert!(
            status.starts_with("isr") && !status.contains("/a"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn it_can_be_turned_off_and_those_of_other_caches_stay() {
    for (theirs, expected) in [(None, ""), (Some("origin; hit"), "origin; hit")] {
        let isr = isr_layer::IsrLayer::builder()
            .pages([A])
            .cache_status(false)
            .build();
        let stage = Stage::of(isr.expect("the page is accepted"));
        stage.site.act(
            theirs
                .into_iter()
                .fold(html(), |reply, line| reply.header("cache-status", line)),
        );

        for headers in [
            &[][..],
            &[],
            &[("if-none-match", "*")],
            &[("range", "bytes=0-0")],
        ] {
            assert_eq!(stage.get(headers).await.cache_status(), expected);
        }
    }
}
