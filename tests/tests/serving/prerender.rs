//! Tests that pages whose paths are known are rendered when `prerender` is called, and only then.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use isr_layer::prerender::{Prerender, PrerenderReport, Progress};
use isr_layer::{Fallback, Page, Policy};
use isr_tests::{Reply, settle};

use crate::listed::{ABOUT, House, POST, Told};

#[tokio::test(start_paused = true)]
async fn prerendering_renders_what_is_listed_and_what_has_no_parameters() {
    let house = House::new(&["a", "b", "", "c/d"]);
    house.get("/posts/a").await;
    assert_eq!(house.site.renders(), 1, "nothing is prerendered unasked");

    let report = house.prerender().await;

    // Leaves out the page that is fresh already, and the empty value, which makes no path.
    assert_eq!((report.rendered(), report.failed()), (3, 0), "{report:?}");
    for path in ["/posts/a", "/posts/b", "/posts/c%2Fd", "/about"] {
        assert_eq!(house.get(path).await.cache_status(), "isr; hit", "{path}");
    }
    assert_eq!((house.site.renders(), house.slugs.reads()), (4, 1));
    assert_eq!(house.prerender().await.rendered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_to_be_prerendered_is_left_out() {
    let policy = Policy::new().fallback(Fallback::NotFound).prerender(false);
    let house = House::with(&["a"], POST.with_policy(policy), |builder| builder);

    let report = house.prerender().await;

    assert_eq!(
        (report.rendered(), house.site.renders(), house.slugs.reads()),
        (1, 1, 0),
        "about alone"
    );
}

#[tokio::test(start_paused = true)]
async fn prerendering_keeps_to_the_limit_of_renders() {
    const SLUGS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8"];
    let house = House::with(SLUGS, POST, |builder| builder.background_renders(3));
    house.site.before().close();

    let cache = house.isr.cache();
    let prerendering = tokio::spawn(async move { cache.prerender().await });
    house.site.before().reached(3).await;
    settle().await;
    assert_eq!(house.site.running(), 3);
    house.site.before().open();

    assert_eq!(prerendering.await.unwrap().rendered(), SLUGS.len() + 1);
    assert_eq!(house.site.peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn prerendering_begins_no_more_once_nobody_waits_for_it() {
    let house = House::with(&["1", "2", "3", "4"], POST, |builder| {
        builder.background_renders(1)
    });
    house.site.before().close();
    let cache = house.isr.cache();
    let prerendering = tokio::spawn(async move { cache.prerender().await });
    house.site.before().reached(1).await;

    prerendering.abort();
    settle().await;
    house.site.before().open();
    settle().await;

    assert!(house.site.renders() <= 2, "{}", house.site.renders());
}

#[tokio::test(start_paused = true)]
async fn prerendering_tells_what_failed_each_by_name() {
    let house = House::new(&["good", "bad", "gone"]);
    house.site.script(|seen, _| match seen.uri.path() {
        "/posts/bad" => Reply::status(500).into(),
        "/posts/gone" => Reply::status(404).into(),
        _ => Reply::page().into(),
    });

    let report = house.prerender().await;

    assert_eq!((report.rendered(), report.failed()), (2, 2), "{report:?}");
    let errors = report.errors().iter().map(ToString::to_string);
    let mut errors = errors.collect::<Vec<_>>();
    errors.sort();
    assert!(
        errors[0].contains("/posts/bad") && errors[0].contains("failed-status"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("/posts/gone") && errors[1].contains("404"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn prerendering_tells_that_a_list_could_not_be_read_or_that_nothing_can_render() {
    let house = House::new(&["a"]);
    house.slugs.tell(Told::Error);
    let unread = house.prerender().await;
    assert_eq!((unread.rendered(), unread.failed()), (1, 1));
    assert!(
        unread.errors()[0].to_string().contains("no database"),
        "{unread:?}"
    );

    let alone = crate::isr([ABOUT]).cache().prerender().await;
    assert_eq!((alone.rendered(), alone.failed()), (0, 1));
}

/// Awaits a prerendering, and returns its report with the progress that was told.
async fn told(prerender: Prerender) -> (PrerenderReport, Vec<Progress>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = told.clone();
    let report = prerender
        .on(move |progress| note.lock().expect("nothing panics with it").push(progress))
        .await;
    let told = told.lock().expect("nothing panics with it").clone();
    (report, told)
}

#[tokio::test(start_paused = true)]
async fn prerendering_renders_as_many_at_once_as_it_is_told_and_not_more_than_the_limit() {
    const SLUGS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8"];
    for (jobs, at_once) in [(1, 1), (2, 2), (3, 3), (100, 3), (usize::MAX, 3)] {
        let house = House::with(SLUGS, POST, |builder| builder.background_renders(3));
        house.site.before().close();
        let prerender = house.isr.cache().prerender().jobs(jobs);
        let prerendering = tokio::spawn(prerender.into_future());
        house.site.before().reached(at_once).await;
        settle().await;
        assert_eq!(house.site.running(), at_once, "{jobs} jobs");
        house.site.before().open();

        assert_eq!(prerendering.await.unwrap().rendered(), SLUGS.len() + 1);
        assert_eq!(house.site.peak(), at_once, "{jobs} jobs");
    }
}

#[tokio::test(start_paused = true)]
async fn no_jobs_are_refused_by_the_report() {
    let house = House::new(&["a"]);

    let (report, told) = told(house.isr.cache().prerender().jobs(0)).await;

    assert_eq!((report.rendered(), report.failed()), (0, 1), "{report:?}");
    let error = report.errors()[0].to_string();
    assert_eq!(error, "`jobs` is 0: it must be at least 1");
    assert_eq!((house.site.renders(), told.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn prerendering_only_what_is_named_renders_nothing_else() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&["/posts/{slug}"], &["/posts/a", "/posts/b%20c"]),
        (&["/posts/[slug]"], &["/posts/a", "/posts/b%20c"]),
        (&["/about"], &["/about"]),
        (&["/posts/a"], &["/posts/a"]),
        (&["/posts/b%20c"], &["/posts/b%20c"]),
        (&["/posts/%61", "/posts/a"], &["/posts/a"]),
        (&["/posts/a", "/about"], &["/about", "/posts/a"]),
        (&["/about", "/about"], &["/about"]),
        (&["/posts/a", POST.path()], &["/posts/a", "/posts/b%20c"]),
        (&[], &["/about", "/posts/a", "/posts/b%20c"]),
    ];
    for (only, rendered) in cases {
        let house = House::new(&["a", "b c"]);
        let cache = house.isr.cache();
        let prerender = only
            .iter()
            .fold(cache.prerender(), |one, name| one.only(*name));

        let report = prerender.await;

        assert_eq!(report.failed(), 0, "{only:?}: {report:?}");
        let seen = house.site.seen();
        let mut seen = seen.iter().map(|seen| seen.uri.path()).collect::<Vec<_>>();
        seen.sort_unstable();
        assert_eq!(seen, rendered, "{only:?}");
        assert_eq!(report.rendered(), rendered.len(), "{only:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_means_no_page_is_an_error_and_the_others_are_rendered() {
    let no_page = "no page has this pattern or this path";
    let no_list = "its page has parameters and no `params`, so none of its paths is known";
    let cases = [
        ("/nope", no_page),
        ("/posts/{id}", no_page),
        ("", no_page),
        ("about", no_page),
        (
            "/posts/missing",
            "the `params` of its page do not list this path",
        ),
        ("/open/{slug}", no_list),
        ("/open/a", no_list),
        (
            "/late",
            "its page is not prerendered: it has `prerender = false`",
        ),
    ];
    for (name, why) in cases {
        let late = Page::new("/late").with_policy(Policy::new().prerender(false));
        let house = House::with(&["a"], POST, |builder| builder.pages([late]));

        let cache = house.isr.cache();
        let (report, told) = told(cache.prerender().only(name).only("/about")).await;

        assert_eq!((report.rendered(), report.failed()), (1, 1), "{report:?}");
        let error = report.errors()[0].to_string();
        assert_eq!(error, format!("`{name}`: {why}"));
        let numbers = told.iter().map(numbers).collect::<Vec<_>>();
        assert_eq!(numbers, [(0, 1, 0, 1), (1, 1, 1, 1)], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_at_the_start_and_for_each_page_that_ends() {
    let house = House::new(&["good", "bad", "fresh"]);
    house.get("/posts/fresh").await;
    house.site.script(|seen, _| match seen.uri.path() {
        "/posts/bad" => Reply::status(500).into(),
        _ => Reply::page().into(),
    });

    let (report, told) = told(house.isr.cache().prerender().jobs(1)).await;

    assert_eq!(
        (report.rendered(), report.failed(), report.loaded()),
        (2, 1, 0)
    );
    let told = told
        .iter()
        .map(|progress| (numbers(progress), progress.path()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ((0, 4, 0, 0), None),
            ((1, 4, 1, 0), Some("/posts/good")),
            ((2, 4, 1, 1), Some("/posts/bad")),
            ((3, 4, 1, 1), Some("/posts/fresh")),
            ((4, 4, 2, 1), Some("/about")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn progress_of_what_is_fresh_already_goes_to_the_end() {
    let house = House::new(&["a", "b"]);
    assert_eq!(house.prerender().await.rendered(), 3);

    let (report, told) = told(house.isr.cache().prerender()).await;

    assert_eq!((report.rendered(), report.failed()), (0, 0));
    let told = told.iter().map(numbers).collect::<Vec<_>>();
    assert_eq!(
        told,
        [(0, 3, 0, 0), (1, 3, 0, 0), (2, 3, 0, 0), (3, 3, 0, 0)]
    );
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_by_the_future_itself() {
    let house = House::new(&["a", "b"]);
    let task = tokio::spawn(async move {
        let own = tokio::task::id();
        let prerender = house.isr.cache().prerender();
        prerender
            .on(move |_| assert_eq!(tokio::task::id(), own))
            .await
    });

    assert_eq!(task.await.unwrap().rendered(), 3);
}

#[tokio::test(start_paused = true)]
async fn prerendering_that_is_dropped_tells_no_more_and_begins_no_more() {
    let house = House::new(&["1", "2", "3", "4"]);
    house.site.before().close();
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let prerender = house.isr.cache().prerender().jobs(2).on(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let prerendering = tokio::spawn(prerender.into_future());
    house.site.before().reached(2).await;

    prerendering.abort();
    settle().await;
    house.site.before().open();
    settle().await;

    assert_eq!((house.site.renders(), told.load(Ordering::SeqCst)), (2, 1));
}

fn numbers(progress: &Progress) -> (usize, usize, usize, usize) {
    (
        progress.done(),
        progress.total(),
        progress.rendered(),
        progress.failed(),
    )
}
