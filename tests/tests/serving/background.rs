//! Tests that renders in the background keep to their limits: in all, per page, and in time.

use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Act, Site, ask, get, settle};
use tower::Layer;

use crate::{Plain, pass, secs};

const P: Page =
    Page::new("/p/{n}").with_policy(Policy::new().revalidate(secs(10)).expire(secs(1000)));
const Q: Page =
    Page::new("/q/{n}").with_policy(Policy::new().revalidate(secs(10)).expire(secs(1000)));

/// Makes a site with its gate closed, whose pages `/p/0` to `/p/9` and `/q/0` to `/q/9` are stale.
async fn stale_site(at_once: usize, per_page: usize) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    let builder = IsrLayer::builder()
        .without_registered()
        .pages([P, Q])
        .background_renders(at_once);
    let isr = builder
        .background_renders_per_page(per_page)
        .build()
        .expect("the limits are above none");
    let service = isr.layer(site.clone());
    for n in 0..10 {
        for page in ["p", "q"] {
            ask(&service, get::<Plain>(&format!("/{page}/{n}"))).await;
        }
    }
    pass(10).await;
    site.publish(2);
    site.before().close();
    (site, isr, service)
}

async fn see(service: &Isr<Site>, page: &str) {
    for n in 0..10 {
        let answer = ask(service, get::<Plain>(&format!("/{page}/{n}"))).await;
        assert!(
            answer.text().ends_with("v1") && answer.cache_status().ends_with("detail=stale-time")
        );
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_refreshes_run_at_once_than_allowed_and_all_of_them_run() {
    let (site, isr, service) = stale_site(3, 8).await;

    see(&service, "p").await;
    assert_eq!(site.running(), 3);
    site.before().open();
    isr.cache().drained().await;

    assert_eq!(site.renders(), 30);
    for n in 0..10 {
        assert_eq!(
            ask(&service, get::<Plain>(&format!("/p/{n}"))).await.text(),
            format!("/p/{n} v2")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_page_cannot_take_all_places() {
    let (site, _, service) = stale_site(5, 2).await;

    see(&service, "p").await;
    assert_eq!(site.running(), 2);
    see(&service, "q").await;

    assert_eq!(site.running(), 4);
    site.before().open();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_gains_a_waiter_needs_no_permit() {
    let (site, isr, service) = stale_site(1, 1).await;
    see(&service, "p").await;
    assert_eq!(site.running(), 1);

    // `/p/9` waits for a permit. After this purge a client has to wait for `/p/9`.
    let _ = isr
        .cache()
        .revalidate(Purge::path("/p/9").mode(Mode::Expire))
        .await;
    let client = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, get::<Plain>("/p/9")).await }
    });
    site.before().reached(22).await;

    assert_eq!(site.running(), 2);
    site.before().open();
    assert_eq!(client.await.unwrap().text(), "/p/9 v2");
}

/// A purge is no client: a refresh that it joins keeps waiting for its place.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_a_regeneration_joins_still_needs_a_permit() {
    let (site, isr, service) = stale_site(1, 1).await;
    see(&service, "p").await;
    assert_eq!(site.running(), 1);

    for page in ["/p/8", "/p/9"] {
        let _ = isr.cache().revalidate(Purge::path(page)).await;
    }

    assert_eq!(site.running(), 1, "the others wait for their places");
    site.before().open();
    isr.cache().drained().await;
    assert_eq!(site.renders(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_cold_request_needs_no_permit() {
    let (site, _, service) = stale_site(1, 1).await;
    see(&service, "p").await;

    let client = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, get::<Plain>("/p/cold")).await }
    });
    site.before().reached(22).await;

    site.before().open();
    assert_eq!(client.await.unwrap().text(), "/p/cold v2");
}

#[tokio::test(start_paused = true)]
async fn a_render_that_hangs_gives_its_place_back_by_its_time_limit() {
    let (site, isr, service) = stale_site(1, 1).await;
    site.before().open();
    site.script(|seen, _| {
        if seen.uri.path() == "/p/0" {
            Act::Hang
        } else {
            isr_tests::Reply::page().into()
        }
    });

    see(&service, "p").await;
    tokio::time::sleep(secs(31)).await;

    assert_eq!(site.renders(), 30);
    assert_eq!(isr.cache().metrics().tasks(), 0);
    assert_eq!(ask(&service, get::<Plain>("/p/9")).await.text(), "/p/9 v2");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_waited_too_long_for_its_place_is_given_up_and_tried_again_when_asked_for() {
    let (site, isr, service) = stale_site(1, 1).await;
    see(&service, "p").await;

    // The first render ends by its time limit after 30 s, the second after 60 s. The others wait
    // for a permit for at most 60 s.
    tokio::time::sleep(secs(95)).await;
    assert_eq!(isr.cache().metrics().tasks(), 0);
    assert!(site.renders() <= 20 + 3, "{}", site.renders());
    site.before().open();
    see(&service, "p").await;
    isr.cache().drained().await;

    assert_eq!(ask(&service, get::<Plain>("/p/9")).await.text(), "/p/9 v2");
}

/// Each render hangs until its time limit of half a minute, and one runs at a time.
#[tokio::test(start_paused = true)]
async fn a_render_on_demand_waits_half_an_hour_for_its_place_and_is_left_to_who_asks_then() {
    let (site, isr, service) = stale_site(1, 1).await;
    let paths = (0..70).map(|n| Purge::path(format!("/p/{n}")));
    let purge = Purge::batch(paths).mode(Mode::Regenerate);
    let cache = isr.cache();
    let purging = tokio::spawn(async move { cache.revalidate(purge).await });

    tokio::time::sleep(secs(29 * 60)).await;
    assert!(
        isr.cache().metrics().tasks() >= 10,
        "{:?}",
        isr.cache().metrics()
    );
    tokio::time::sleep(secs(2 * 60)).await;
    assert_eq!(isr.cache().metrics().tasks(), 0);
    purging.await.unwrap();
    site.before().open();

    assert!(
        (20 + 60..20 + 62).contains(&site.renders()),
        "{} of half a minute each",
        site.renders()
    );
    assert_eq!(
        ask(&service, get::<Plain>("/p/69")).await.text(),
        "/p/69 v2"
    );
}

#[tokio::test(start_paused = true)]
async fn many_regenerations_on_demand_keep_the_limit_and_all_run() {
    let (site, isr, service) = stale_site(4, 4).await;
    site.before().open();

    let _ = isr
        .cache()
        .revalidate(Purge::all().mode(Mode::Regenerate))
        .await;
    isr.cache().drained().await;

    assert!(site.peak() <= 4, "{}", site.peak());
    assert_eq!(site.renders(), 40);
    assert_eq!(ask(&service, get::<Plain>("/q/5")).await.text(), "/q/5 v2");
}

/// Returns the number of refreshes of forty stale pages that run together, with the settings that
/// `set` makes and no others.
async fn at_once(set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder) -> usize {
    let site = Site::new();
    let isr = set(IsrLayer::builder().without_registered().pages([P]))
        .build()
        .expect("the limits are above none");
    let service = isr.layer(site.clone());
    for n in 0..40 {
        ask(&service, get::<Plain>(&format!("/p/{n}"))).await;
    }
    pass(10).await;
    site.before().close();
    for n in 0..40 {
        ask(&service, get::<Plain>(&format!("/p/{n}"))).await;
    }
    settle().await;
    let running = site.running();
    site.before().open();
    running
}

#[tokio::test(start_paused = true)]
async fn twice_the_processors_and_eight_of_one_page_run_at_once_unless_set() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);

    let of_one_page = at_once(|builder| builder.background_renders(1000)).await;
    let of_all = at_once(|builder| builder.background_renders_per_page(1000)).await;

    assert_eq!((of_one_page, of_all), (8, (2 * processors).min(40)));
}

#[tokio::test(start_paused = true)]
async fn a_render_inside_of_a_background_render_needs_no_place_of_its_own() {
    let (site, isr, service) = stale_site(1, 1).await;
    let asking = tower::service_fn({
        let (site, service) = (site.clone(), service.clone());
        move |request: http::Request<Plain>| {
            let (site, service) = (site.clone(), service.clone());
            async move {
                // The page is made of another page, which is not cached yet.
                let inner = ask(&service, get::<Plain>("/p/inner")).await;
                let mut answer = tower::ServiceExt::oneshot(site, request).await?;
                answer.headers_mut().insert(
                    "x-inner",
                    inner.cache_status().parse().expect("it is a value"),
                );
                Ok::<_, isr_tests::SiteError>(answer)
            }
        }
    });
    site.before().open();
    let outer = isr.layer(asking);

    ask(&outer, get::<Plain>("/q/0")).await;
    isr.cache().drained().await;
    let refreshed = ask(&outer, get::<Plain>("/q/0")).await;

    assert_eq!(
        (refreshed.text(), refreshed.header("x-inner")),
        ("/q/0 v2", "isr; fwd=uri-miss; stored")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_revalidation_asked_for_goes_before_refreshes_that_wait_longer() {
    let (site, isr, service) = stale_site(1, 1).await;
    see(&service, "p").await;

    let purging = tokio::spawn({
        let cache = isr.cache();
        async move {
            cache
                .revalidate(Purge::path("/q/7").mode(Mode::Regenerate))
                .await
        }
    });
    settle().await;
    site.before().open();
    purging.await.unwrap();
    isr.cache().drained().await;

    let order = site
        .seen()
        .iter()
        .skip(20)
        .map(|seen| seen.uri.to_string())
        .collect::<Vec<_>>();
    assert_eq!(order[..3], ["/p/0", "/q/7", "/p/1"]);
    assert_eq!(order.len(), 11);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_a_render_does_not_count_the_wait_for_its_place() {
    let (site, isr, service) = stale_site(1, 1).await;
    for n in 0..2 {
        ask(&service, get::<Plain>(&format!("/p/{n}"))).await;
    }
    settle().await;

    // The first render ends by its time limit at 30 s. Only then the second begins, and it is slow
    // too.
    tokio::time::sleep(secs(55)).await;
    assert_eq!(site.running(), 1);
    site.before().open();
    isr.cache().drained().await;

    assert_eq!(ask(&service, get::<Plain>("/p/1")).await.text(), "/p/1 v2");
}
