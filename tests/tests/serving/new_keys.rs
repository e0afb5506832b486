//! Tests that a page with parameters gets a limited number of new keys per second, since clients
//! choose them.

use http::Method;
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Reply, Site, ask, get, request, settle};
use tower::Layer;

use crate::{A, Plain, pass};

const POST: Page = Page::new("/posts/{slug}");
const LIMITED: &str = "isr; fwd=uri-miss; detail=new-key-limit";
const STORED: &str = "isr; fwd=uri-miss; stored";

fn site(builder: IsrLayerBuilder) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    let isr = builder.build().expect("all of it is accepted");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

fn two_a_second(page: Page) -> (Site, IsrLayer, Isr<Site>) {
    limited(page, 2)
}

fn limited(page: Page, keys: u32) -> (Site, IsrLayer, Isr<Site>) {
    let builder = IsrLayer::builder().without_registered().pages([page]);
    site(builder.new_keys_per_second(keys))
}

async fn status(service: &Isr<Site>, path: &str) -> String {
    ask(service, get::<Plain>(path))
        .await
        .cache_status()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_key_is_rendered_and_not_stored() {
    let (site, isr, service) = two_a_second(POST);

    let statuses = [
        status(&service, "/posts/1").await,
        status(&service, "/posts/2").await,
        status(&service, "/posts/3").await,
    ];
    let answer = ask(&service, get::<Plain>("/posts/4")).await;

    assert_eq!(statuses, [STORED, STORED, LIMITED]);
    assert_eq!(
        (answer.text(), answer.header("cache-control")),
        ("/posts/4 v1", "no-store")
    );
    assert_eq!((site.renders(), isr.cache().metrics().entries()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_herd_on_a_key_beyond_the_limit_is_one_render_whose_response_all_share() {
    let (site, _, service) = two_a_second(POST);
    for path in ["/posts/1", "/posts/2"] {
        status(&service, path).await;
    }

    let herd = (0..200).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, get::<Plain>("/posts/3")).await })
    });
    let mut collapsed = 0;
    for client in herd.collect::<Vec<_>>() {
        let answer = client.await.expect("it is answered");
        assert_eq!(answer.text(), "/posts/3 v1");
        assert!(
            answer.cache_status().starts_with(LIMITED),
            "{}",
            answer.cache_status()
        );
        collapsed += usize::from(answer.cache_status().ends_with("; collapsed"));
    }

    assert_eq!((site.renders(), collapsed), (3, 199));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_asked_for_twice_is_stored_beyond_the_limit() {
    let (_, _, service) = two_a_second(POST);
    for n in 0..10 {
        status(&service, &format!("/posts/{n}")).await;
    }

    assert_eq!(status(&service, "/posts/7").await, STORED);
    assert_eq!(status(&service, "/posts/7").await, "isr; hit");
    assert_eq!(status(&service, "/posts/10").await, LIMITED);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_ten_thousand_hot_pages_are_stored_by_their_second_visit() {
    let (_, isr, service) = site(IsrLayer::builder().without_registered().pages([POST]));

    for _ in 0..2 {
        for n in 0..10_000 {
            status(&service, &format!("/posts/{n}")).await;
        }
    }

    let stored = isr.cache().metrics().entries();
    assert!(stored > 9_000, "{stored} of 10,000");
}

#[tokio::test(start_paused = true)]
async fn a_cold_page_is_stored_by_its_second_visit_while_a_flood_asks_for_made_up_paths() {
    let (_, isr, service) = site(IsrLayer::builder().without_registered().pages([POST]));
    let mut made_up = 0;
    let mut visits = 0;

    loop {
        for _ in 0..1_000 {
            made_up += 1;
            status(&service, &format!("/posts/made-up-{made_up}")).await;
        }
        if status(&service, "/posts/real")
            .await
            .starts_with("isr; hit")
        {
            break;
        }
        visits += 1;
        assert!(visits < 20, "not stored by {visits} visits");
        pass(1).await;
    }

    assert!(visits <= 2, "not stored by {visits} visits");
    let seconds = visits + 1;
    assert!(
        isr.cache().metrics().entries() <= 100 * seconds + 1,
        "the flood is not stored"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_stored_anyway_takes_no_place_of_what_is() {
    for act in [
        Reply::status(500),
        Reply::status(302),
        Reply::page().header("set-cookie", "id=1"),
        Reply::page().empty(),
    ] {
        let (site, _, service) = two_a_second(POST);
        site.act(act);
        for n in 0..20 {
            status(&service, &format!("/posts/{n}")).await;
        }
        site.act(Reply::page());

        assert_eq!(status(&service, "/posts/a").await, STORED);
        assert_eq!(status(&service, "/posts/b").await, STORED);
        assert_eq!(status(&service, "/posts/c").await, LIMITED);
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_of_params_is_read_when_a_page_first_meets_its_limit() {
    let list = || async { (0..100).map(|n| n.to_string()).collect::<Vec<_>>() };
    let builder = IsrLayer::builder()
        .without_registered()
        .pages([POST])
        .params(POST.path(), list)
        .new_keys_per_second(1);
    let (_, _, service) = site(builder);
    for path in ["/posts/x", "/posts/y"] {
        status(&service, path).await;
    }
    settle().await;

    for n in 0..100 {
        assert_eq!(
            status(&service, &format!("/posts/{n}")).await,
            STORED,
            "{n}"
        );
    }
    assert_eq!(status(&service, "/posts/z").await, LIMITED);
}

#[tokio::test(start_paused = true)]
async fn a_purge_while_a_limited_page_is_rendered_reaches_those_who_come_after_it() {
    let (site, isr, service) = limited(POST, 1);
    status(&service, "/posts/1").await;
    site.after().close();
    let visit = || {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, get::<Plain>("/posts/2")).await })
    };
    let before = visit();
    site.after().reached(2).await;
    site.publish(2);
    let _ = isr
        .cache()
        .revalidate(Purge::path("/posts/2").mode(Mode::Expire))
        .await;

    let after = visit();
    settle().await;
    site.after().open();

    assert_eq!(before.await.expect("it is answered").text(), "/posts/2 v1");
    assert_eq!(after.await.expect("it is answered").text(), "/posts/2 v2");
}

#[tokio::test(start_paused = true)]
async fn a_second_later_there_is_room_again() {
    let (_, _, service) = two_a_second(POST);
    for n in 0..5 {
        status(&service, &format!("/posts/{n}")).await;
    }

    pass(1).await;

    assert_eq!(status(&service, "/posts/4").await, STORED);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_a_second_are_allowed_unless_set() {
    let (_, isr, service) = site(IsrLayer::builder().without_registered().pages([POST]));

    for n in 0..200 {
        status(&service, &format!("/posts/{n}")).await;
    }

    assert_eq!(isr.cache().metrics().entries(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_stored_is_not_new_fresh_or_stale() {
    let page = POST.with_policy(Policy::new().revalidate(crate::secs(10)));
    let (_, _, service) = two_a_second(page);
    status(&service, "/posts/1").await;
    pass(10).await;
    status(&service, "/posts/2").await;
    status(&service, "/posts/3").await;

    let stale = status(&service, "/posts/1").await;
    settle().await;

    assert_eq!(stale, "isr; hit; ttl=0; detail=stale-time");
    assert_eq!(status(&service, "/posts/1").await, "isr; hit; ttl=10");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_being_rendered_is_not_new() {
    let (site, _, service) = two_a_second(POST);
    site.before().close();
    let clients = (0..10).map(|n| {
        let service = service.clone();
        tokio::spawn(async move { status(&service, &format!("/posts/{}", n % 2)).await })
    });
    let clients = clients.collect::<Vec<_>>();
    site.before().reached(2).await;
    settle().await;
    site.before().open();

    for client in clients {
        assert!(
            client
                .await
                .expect("the client is answered")
                .starts_with(STORED)
        );
    }
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn declared_query_parameters_and_headers_are_chosen_by_strangers_too() {
    let (_, _, service) =
        two_a_second(A.with_policy(Policy::new().query(&["page"]).vary(&["accept-language"])));
    status(&service, "/a?page=1").await;
    status(&service, "/a?page=2").await;

    let other_page = status(&service, "/a?page=3").await;
    let headers = [("accept-language", "de")];
    let other_language = ask(
        &service,
        request::<Plain>(Method::GET, "/a?page=1", &headers),
    )
    .await;

    assert_eq!(
        (other_page.as_str(), other_language.cache_status()),
        (LIMITED, LIMITED)
    );
    assert_eq!(status(&service, "/a?page=1&utm=2").await, "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn what_params_lists_is_not_new() {
    let page = POST.with_policy(Policy::new().fallback(isr_layer::Fallback::NotFound));
    let list = || async { vec!["first", "listed", "too", "also"] };
    let builder = IsrLayer::builder()
        .without_registered()
        .pages([page])
        .params(page.path(), list)
        .new_keys_per_second(1);
    let (_, _, service) = site(builder);

    // The list is read when it is first needed, which is here.
    status(&service, "/posts/first").await;

    for path in ["/posts/listed", "/posts/too", "/posts/also"] {
        assert_eq!(status(&service, path).await, STORED, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revalidation_is_not_counted() {
    let (_, isr, service) = limited(POST, 1);
    status(&service, "/posts/1").await;
    assert_eq!(status(&service, "/posts/2").await, LIMITED);

    let _ = isr.cache().revalidate(Purge::path("/posts/2")).await;

    assert_eq!(status(&service, "/posts/2").await, "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_more_fields_than_are_stored_is_passed_whole() {
    for fields in [vec![1; 65], vec![5_000; 4]] {
        let (site, service) = crate::site_with(A);
        let names = (0..fields.len()).map(|n| &*Box::leak(format!("x-{n}").into_boxed_str()));
        let reply = names
            .zip(&fields)
            .fold(Reply::page(), |reply, (name, length)| {
                reply.header(name, &"v".repeat(*length))
            });
        site.act(reply);

        let answer = crate::visit(&service).await;

        assert_eq!(
            answer.cache_status(),
            "isr; fwd=uri-miss; detail=too-many-headers"
        );
        assert_eq!(answer.headers.len(), fields.len() + 2);
    }
}
