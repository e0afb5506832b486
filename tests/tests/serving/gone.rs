//! Tests that 404 and 410 are stored for a short time, are absent after it, and heal.

use isr_layer::{Mode, Policy, Purge};
use isr_tests::{Reply, settle};

use crate::{A, every_purge, pass, secs, site_and_layer, site_with, ten_seconds, visit};

#[tokio::test(start_paused = true)]
async fn a_404_is_stored_for_ten_seconds_and_then_absent() {
    for status in [404, 410] {
        let (site, service) = site_with(A);
        site.act(Reply::status(status).chunk("no such page"));
        visit(&service).await;

        pass(9).await;
        let hit = visit(&service).await;
        pass(1).await;
        let rendered = visit(&service).await;

        assert_eq!(
            (hit.status.as_u16(), hit.cache_status()),
            (status, "isr; hit; ttl=1")
        );
        assert!(
            rendered.cache_status().ends_with("; stored"),
            "{}",
            rendered.cache_status()
        );
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_heals_and_the_client_after_it_gets_the_page() {
    for status in [404, 410] {
        let (site, service) = site_with(A);
        site.act(Reply::status(status));
        visit(&service).await;
        site.act(Reply::page());

        pass(10).await;
        let healed = visit(&service).await;

        assert_eq!((healed.status.as_u16(), healed.text()), (200, "/a v1"));
        pass(1000).await;
        assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_lives_no_longer_than_its_page_would() {
    let (site, service) = site_with(A.with_policy(Policy::new().revalidate(secs(3))));
    site.act(Reply::status(404));
    visit(&service).await;

    pass(3).await;
    visit(&service).await;

    assert_eq!(site.renders(), 2);
}

/// Once, a 404 outlived its page if the policy had `expire` alone, or if the handler had called
/// `expire_after`.
#[tokio::test(start_paused = true)]
async fn a_404_is_not_served_past_the_expiry_of_its_page() {
    for (policy, word) in [(Policy::new().expire(secs(3)), 10), (Policy::new(), 3)] {
        let (site, service) = site_with(A.with_policy(policy));
        site.script(move |_, _| {
            isr_layer::context::expire_after(secs(word));
            Reply::status(404).into()
        });
        visit(&service).await;

        pass(2).await;
        let hit = visit(&service).await;
        pass(1).await;
        visit(&service).await;

        assert_eq!((hit.cache_status(), site.renders()), ("isr; hit; ttl=1", 2));
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_a_404_lives_can_be_declared() {
    for status in [404, 410] {
        let (site, service) =
            site_with(A.with_policy(Policy::new().not_found_revalidate(secs(60))));
        site.act(Reply::status(status));
        visit(&service).await;

        pass(59).await;
        visit(&service).await;
        assert_eq!(site.renders(), 1);
        pass(1).await;
        visit(&service).await;

        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_give_a_404_a_shorter_lifetime_of_its_own_and_no_longer_one() {
    for (word, seconds) in [(3, 3), (3600, 10)] {
        for status in [404, 410] {
            let (site, service) = site_with(A);
            site.script(move |_, _| {
                isr_layer::context::revalidate_after(secs(word));
                Reply::status(status).into()
            });
            visit(&service).await;

            assert_eq!(
                visit(&service).await.cache_status(),
                format!("isr; hit; ttl={seconds}")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_replaces_a_200() {
    for status in [404, 410] {
        let (site, service) = site_with(ten_seconds());
        visit(&service).await;
        site.act(Reply::status(status).chunk("gone"));
        pass(10).await;

        visit(&service).await;
        settle().await;
        let gone = visit(&service).await;

        assert_eq!((gone.status.as_u16(), gone.text()), (status, "gone"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_is_nothing_to_fall_back_on() {
    let (site, isr, service) = site_and_layer(A);
    site.act(Reply::status(404));
    visit(&service).await;
    site.act(Reply::status(500));

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    assert_eq!(visit(&service).await.status, 500);
}

#[tokio::test(start_paused = true)]
async fn a_soft_purge_of_a_404_makes_the_next_client_wait_for_the_page() {
    let (site, isr, service) = site_and_layer(A);
    site.act(Reply::status(404));
    visit(&service).await;
    site.act(Reply::page());

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Stale))
        .await;

    assert_eq!(visit(&service).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_404_without_a_body_is_stored() {
    let (site, service) = site_with(A);
    site.act(Reply::status(404).empty());

    visit(&service).await;
    let hit = visit(&service).await;

    assert_eq!(
        (hit.status.as_u16(), hit.text(), site.renders()),
        (404, "", 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_404_is_purged_by_path_page_and_tag_and_heals() {
    let page = A.with_policy(
        Policy::new()
            .tags(&["posts"])
            .not_found_revalidate(secs(3600)),
    );
    for (status, mode) in both(&[404, 410], &[Mode::Stale, Mode::Expire, Mode::Regenerate]) {
        for purge in every_purge() {
            let (site, isr, service) = site_and_layer(page);
            site.script(move |_, _| {
                isr_layer::context::tag("late");
                Reply::status(status).into()
            });
            visit(&service).await;
            site.act(Reply::page());
            assert_eq!(visit(&service).await.status, status, "it is stored");

            let _ = isr.cache().revalidate(purge.clone().mode(mode)).await;

            assert_eq!(
                visit(&service).await.text(),
                "/a v1",
                "{status}: {purge:?} {mode:?}"
            );
        }
    }
}

fn both<'a, A: Copy, B: Copy>(ones: &'a [A], others: &'a [B]) -> impl Iterator<Item = (A, B)> + 'a {
    ones.iter()
        .flat_map(|one| others.iter().map(|other| (*one, *other)))
}
