//! Requests for one target that arrive together.

use isr_tests::{Act, Answer, Reply, settle, try_ask};
use tokio::task::JoinHandle;

use crate::{pass, says, site_and_layer, site_that_says, site_with, visit, visit_with, with};

fn come(
    service: &isr_layer::Isr<isr_tests::Site>,
    headers: &'static [(&'static str, &'static str)],
) -> JoinHandle<Answer> {
    let service = service.clone();
    tokio::spawn(async move { visit_with(&service, headers).await })
}

#[tokio::test]
async fn what_is_stored_is_fetched_once_however_many_wait() {
    let (site, service) = site_that_says("max-age=60");
    site.before().close();
    let leader = come(&service, &[]);
    site.before().reached(1).await;
    let followers = (0..50).map(|_| come(&service, &[])).collect::<Vec<_>>();
    settle().await;
    site.before().open();

    assert_eq!(
        leader.await.unwrap().cache_status(),
        "isr; fwd=uri-miss; stored"
    );
    for follower in followers {
        assert_eq!(
            follower.await.unwrap().cache_status(),
            "isr; fwd=uri-miss; stored; collapsed"
        );
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_follower_whose_vary_does_not_match_fetches_for_itself() {
    let (site, service) = site_with(&[("cache-control", "max-age=60"), ("vary", "foo")]);
    site.script(|seen, _| {
        let foo = seen
            .headers
            .get("foo")
            .map_or("none", |foo| foo.to_str().unwrap())
            .to_owned();
        crate::reply(&[("cache-control", "max-age=60"), ("vary", "foo")])
            .chunk(foo)
            .into()
    });
    site.before().close();
    let leader = come(&service, &[("foo", "1")]);
    site.before().reached(1).await;
    let (same, other) = (
        come(&service, &[("foo", "1")]),
        come(&service, &[("foo", "2")]),
    );
    settle().await;
    site.before().open();

    assert_eq!(leader.await.unwrap().text(), "1");
    assert_eq!(same.await.unwrap().text(), "1");
    assert_eq!(other.await.unwrap().text(), "2");
    assert_eq!(site.renders(), 2);
    assert!(
        visit_with(&service, &[("foo", "2")])
            .await
            .cache_status()
            .starts_with("isr; hit")
    );
}

#[tokio::test]
async fn who_is_known_to_need_another_variant_does_not_wait_for_this_one() {
    let (site, service) = site_with(&[("cache-control", "max-age=60"), ("vary", "foo")]);
    visit_with(&service, &[("foo", "1")]).await;
    site.before().close();
    let leader = come(&service, &[("foo", "2")]);
    site.before().reached(2).await;

    let (same, other) = (
        come(&service, &[("foo", "2")]),
        come(&service, &[("foo", "3")]),
    );
    site.before().reached(3).await;
    settle().await;
    site.before().open();

    for (one, status) in [
        (leader, "stored"),
        (same, "stored; collapsed"),
        (other, "stored"),
    ] {
        assert_eq!(
            one.await.unwrap().cache_status(),
            format!("isr; fwd=vary-miss; {status}")
        );
    }
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn what_is_not_stored_is_for_its_leader_alone_and_nobody_waits_for_the_next() {
    let (site, service) = site_that_says("private");
    site.before().close();
    let leader = come(&service, &[]);
    site.before().reached(1).await;
    let followers = [come(&service, &[]), come(&service, &[])];
    settle().await;
    assert_eq!(site.renders(), 1);
    site.before().open();
    leader.await.unwrap();
    for follower in followers {
        assert_eq!(
            follower.await.unwrap().cache_status(),
            "isr; fwd=uri-miss; detail=cache-control"
        );
    }
    assert_eq!(site.renders(), 3);

    site.before().close();
    let all = [come(&service, &[]), come(&service, &[])];
    site.before().reached(5).await;
    site.before().open();

    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn those_whose_answers_are_theirs_alone_do_not_wait_for_each_other_again_and_others_still_do()
{
    let (site, service) = site_that_says("max-age=60");
    let authorized = &[("authorization", "Basic x")];
    visit_with(&service, authorized).await;
    site.before().close();

    let mut all = vec![come(&service, authorized), come(&service, authorized)];
    site.before().reached(3).await;
    all.extend([come(&service, &[]), come(&service, &[])]);
    site.before().reached(4).await;
    settle().await;
    site.before().open();

    for one in all {
        one.await.unwrap();
    }
    assert_eq!(site.renders(), 4);
}

/// Logged-in users get a private response, which differs from that of all others by `Vary` only:
/// one of them must not keep the others from sharing a fetch.
#[tokio::test(start_paused = true)]
async fn what_is_for_one_of_several_kinds_of_clients_does_not_part_the_others() {
    let (site, service) = site_that_says("");
    site.script(|seen, _| match seen.headers.get("cookie") {
        Some(_) => says("private").header("vary", "cookie").into(),
        None => says("max-age=60").header("vary", "cookie").into(),
    });
    visit(&service).await;
    pass(60).await;
    visit_with(&service, &[("cookie", "user=1")]).await;
    site.before().close();

    let all = [(); 10].map(|()| come(&service, &[]));
    settle().await;
    site.before().open();
    for one in all {
        one.await.unwrap();
    }

    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn the_answer_is_stored_though_its_leader_left() {
    let (site, service) = site_that_says("max-age=60");
    site.after().close();
    let leader = come(&service, &[]);
    site.after().reached(1).await;
    leader.abort();
    let follower = come(&service, &[]);
    settle().await;
    site.after().open();

    assert_eq!(follower.await.unwrap().text(), "/a v1");
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_for_a_fetch_that_hangs() {
    let (site, isr, service) = site_and_layer(&[]);
    site.act(isr_tests::Act::Hang);
    let leader = come(&service, &[]);
    site.before().reached(1).await;
    site.act(says("max-age=60"));

    assert_eq!(visit(&service).await.text(), "/a v1");
    leader.abort();
    isr.cache().drained().await;

    assert_eq!((site.running(), isr.cache().metrics().flights()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_share_what_stands_in_for_an_error() {
    let (site, service) = site_that_says("max-age=10, stale-if-error=50");
    visit(&service).await;
    pass(10).await;
    site.act(Reply::status(503));
    site.before().close();
    let leader = come(&service, &[]);
    site.before().reached(2).await;
    let follower = come(&service, &[]);
    settle().await;
    site.before().open();

    assert_eq!(
        leader.await.unwrap().cache_status(),
        "isr; fwd=stale; detail=failed-status"
    );
    assert_eq!(
        follower.await.unwrap().cache_status(),
        "isr; fwd=stale; detail=failed-status; collapsed"
    );
    assert_eq!(site.renders(), 2);
}

/// Also one that waits for a second fetch after a first that told nothing of it.
#[tokio::test(start_paused = true)]
async fn a_request_waits_for_fetches_of_others_ten_seconds_in_all() {
    let (site, service) = site_that_says("");
    site.script(|seen, _| match seen.headers.get("x-leader") {
        Some(leader) if leader == "first" => Act::Error,
        Some(_) => Act::Hang,
        None => says("max-age=60").into(),
    });
    site.before().close();
    let first = tokio::spawn({
        let (service, request) = (service.clone(), with(&[("x-leader", "first")]));
        async move { try_ask(&service, request).await }
    });
    site.before().reached(1).await;
    // One of these leads the second fetch, or the visitor does: their order is by chance.
    let others = [(); 30].map(|()| come(&service, &[("x-leader", "other")]));
    settle().await;
    let begun = tokio::time::Instant::now();
    let visitor = come(&service, &[]);
    settle().await;
    pass(6).await;
    site.before().open();
    let _error = first.await.unwrap();
    settle().await;

    assert_eq!(visitor.await.unwrap().text(), "/a v1");
    let waited = begun.elapsed().as_secs();
    assert!((6..=10).contains(&waited), "{waited} s");
    others.iter().for_each(JoinHandle::abort);
}
