//! Tests that redirects are stored, fresh, stale and purged like other pages.

use isr_layer::{Mode, Policy, Purge};
use isr_tests::{Reply, Site, settle};

use crate::{A, every_purge, pass, secs, site_and_layer, site_with, ten_seconds, visit};

fn redirect(site: &Site, to: &str) {
    site.act(Reply::status(308).header("location", to).empty());
}

#[tokio::test(start_paused = true)]
async fn a_redirect_lives_as_long_as_its_page() {
    let (site, service) = site_with(ten_seconds());
    redirect(&site, "/b");
    visit(&service).await;
    redirect(&site, "/c");

    pass(9).await;
    assert_eq!(visit(&service).await.header("location"), "/b");
    pass(1).await;
    let stale = visit(&service).await;
    settle().await;

    assert_eq!(
        (stale.header("location"), stale.cache_status()),
        ("/b", "isr; hit; ttl=0; detail=stale-time")
    );
    assert_eq!(visit(&service).await.header("location"), "/c");
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_give_a_redirect_a_lifetime_of_its_own() {
    let (site, service) = site_with(ten_seconds());
    site.script(|_, _| {
        isr_layer::context::revalidate_after(secs(3));
        Reply::status(301).header("location", "/b").into()
    });

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=3");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_purged_by_path_page_and_tag() {
    let policy = Policy::new().tags(&["posts"]).allow_temporary(true);
    for status in [301, 302, 307, 308] {
        for purge in every_purge() {
            for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
                let (site, isr, service) = site_and_layer(A.with_policy(policy));
                site.script(move |_, _| {
                    isr_layer::context::tag("late");
                    Reply::status(status)
                        .header("location", "/b")
                        .empty()
                        .into()
                });
                visit(&service).await;
                site.act(Reply::page());

                let _ = isr.cache().revalidate(purge.clone().mode(mode)).await;
                let first = visit(&service).await;
                settle().await;

                // A redirect is served while it is refreshed, like any other page.
                let expected = if mode == Mode::Stale { status } else { 200 };
                assert_eq!(first.status, expected, "{status}: {purge:?} {mode:?}");
                assert_eq!(
                    visit(&service).await.status,
                    200,
                    "{status}: {purge:?} {mode:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_ends_as_its_page_does_and_not_as_a_404() {
    for status in [301, 302, 307, 308] {
        let (site, service) =
            site_with(A.with_policy(Policy::new().allow_temporary(true).expire(secs(60))));
        site.act(Reply::status(status).header("location", "/b").empty());
        visit(&service).await;

        pass(59).await;
        let hit = visit(&service).await;
        pass(1).await;
        visit(&service).await;

        assert_eq!(
            (hit.cache_status(), site.renders()),
            ("isr; hit; ttl=1", 2),
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_replaces_a_page_and_a_page_a_redirect() {
    let (site, service) = site_with(ten_seconds());
    for (round, status) in [200, 308, 200].into_iter().enumerate() {
        if status == 308 {
            redirect(&site, "/b")
        } else {
            site.act(Reply::page())
        }
        if round > 0 {
            pass(10).await;
            visit(&service).await;
            settle().await;
        }

        assert_eq!(visit(&service).await.status.as_u16(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_good_answer_to_fall_back_on() {
    let (site, isr, service) = site_and_layer(A);
    redirect(&site, "/b");
    visit(&service).await;
    site.act(Reply::status(500));

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    assert_eq!(visit(&service).await.header("location"), "/b");
}
