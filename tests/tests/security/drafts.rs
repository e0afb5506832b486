//! Tests that drafts and public pages never mix, however many editors, visitors, refreshes and
//! purges there are at once.

use std::time::Duration;

use isr_layer::{IsrLayer, Mode, Page, Policy, Purge, context};
use isr_tests::{Answer, Reply, Site, ask, get};
use tokio::task::JoinSet;
use tower::Layer;

use crate::{Plain, with};

const SECRET: &str = "a-secret-of-more-than-24-bytes";
const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(Duration::from_millis(1)));

fn is_about(answer: &Answer, state: &str) -> bool {
    answer.status == 200 && answer.text() == state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_draft_is_seen_without_the_cookie_and_none_is_missed_with_it() {
    let site = Site::new();
    site.script(|seen, _| {
        let state = match (context::is_draft(), seen.headers.contains_key("cookie")) {
            (true, true) => "draft",
            (false, false) => "public",
            _ => "a draft without its cookie, or a cookie in a public render",
        };
        Reply::page().chunk(state).into()
    });
    let isr = IsrLayer::builder()
        .pages([POST])
        .draft(SECRET)
        .build()
        .unwrap();
    let asked = ask(
        &isr.draft_service().unwrap(),
        get::<Plain>(&format!("/?secret={SECRET}")),
    )
    .await;
    let cookie = asked
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let service = isr.layer(site);
    let mut clients = JoinSet::new();

    for client in 0..16 {
        let (service, cookie, cache) = (service.clone(), cookie.clone(), isr.cache());
        clients.spawn(async move {
            for n in 0..250 {
                let path = format!("/posts/{}", n % 5);
                let public = ask(&service, with(&path, &[])).await;
                let draft = ask(&service, with(&path, &[("cookie", &cookie)])).await;
                assert!(is_about(&public, "public"), "{public:?}");
                assert!(is_about(&draft, "draft"), "{draft:?}");
                assert_eq!(draft.header("cache-control"), "private, no-store");
                if n % 50 == client {
                    let mode = [Mode::Stale, Mode::Expire, Mode::Regenerate][n % 3];
                    let _ = cache.revalidate(Purge::path(path).mode(mode)).await;
                }
            }
        });
    }

    while let Some(client) = clients.join_next().await {
        client.expect("no client saw what is another's");
    }
}
