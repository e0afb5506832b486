//! Varnish in front: it keeps what it is told to keep, so a marked response has to tell it nothing.
//! Without grace, so that only what we say is at work.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use http::Method;
use isr_layer::{Downstream, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Reply, Site, ask, request};
use tokio::net::TcpListener;

use crate::Plain;
use crate::server::{Directory, Forward, Server};

const AN_HOUR: Duration = Duration::from_secs(3600);

/// A site behind the layer, with Varnish in front of both.
struct Front {
    site: Site,
    isr: IsrLayer,
    /// Sends requests to the layer, past Varnish.
    layer: Forward,
    varnish: Forward,
    _server: Server,
}

impl Front {
    async fn new(isr: IsrLayerBuilder) -> Self {
        let isr = isr.build().expect("the page does not contradict itself");
        let site = Site::new();
        let address = serve(&isr, &site).await;
        let server = Server::start("varnishd", Directory::new(), |directory, own| {
            let state = directory.path().join("varnish").display().to_string();
            let (own, backend) = (own.to_string(), address.to_string());
            let place = ["-F", "-n", &state, "-a", &own, "-b", &backend];
            let options = ["-T", "none", "-s", "malloc,32m"];
            let parameters = ["-p", "default_grace=0", "-p", "default_keep=0"];
            let all = [&place[..], &options[..], &parameters[..]].concat();
            all.into_iter().map(str::to_owned).collect()
        })
        .await;
        Self {
            site,
            isr,
            layer: Forward::to(address),
            varnish: Forward::to(server.address),
            _server: server,
        }
    }

    /// Returns a front whose pages last an hour.
    async fn of_pages() -> Self {
        let policy = Policy::new().revalidate(AN_HOUR).expire(2 * AN_HOUR);
        let page = Page::new("/posts/{slug}").with_policy(policy);
        let isr = IsrLayer::builder()
            .pages([page])
            .downstream(Downstream::cdn());
        Self::new(isr).await
    }

    async fn of_header_mode() -> Self {
        Self::new(IsrLayer::builder().cache_by_headers(true)).await
    }

    /// Purges a path by a mark, as an editor does who has just published version 2.
    async fn publish_and_purge(&self, path: &str) {
        self.site.publish(2);
        let purge = Purge::path(path).mode(Mode::Stale);
        let _ = self.isr.cache().revalidate(purge).await;
    }

    /// Waits until the layer has version 2.
    async fn wait_for_new(&self, path: &str) {
        for _ in 0..500 {
            if visit(&self.layer, path).await.text().ends_with("v2") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{path} is not rendered again");
    }

    /// Asserts that the next response of Varnish is new, and that Varnish keeps it: it does so with
    /// all that is not marked.
    async fn assert_new_and_kept(&self, path: &str) {
        let new = visit(&self.varnish, path).await;
        let kept = visit(&self.varnish, path).await;
        assert!(new.text().ends_with("v2"), "an old page: {new:?}");
        assert!(!is_from_varnish(&new), "{new:?}");
        assert!(
            kept.text().ends_with("v2") && is_from_varnish(&kept),
            "{kept:?}"
        );
    }

    /// Purges a path that the layer has and Varnish has not, and asks for it through Varnish while
    /// it is rendered again.
    async fn purge_what_varnish_has_not(&self, path: &str) {
        self.site.publish(1);
        let old = visit(&self.layer, path).await;
        assert!(old.text().ends_with("v1"), "{old:?}");
        self.site.before().close();
        self.publish_and_purge(path).await;

        for _ in 0..3 {
            let marked = visit(&self.varnish, path).await;

            assert!(marked.text().ends_with("v1"), "{marked:?}");
            assert!(
                marked.cache_status().ends_with("detail=stale-mark"),
                "{marked:?}"
            );
            assert!(!is_from_varnish(&marked), "Varnish kept it: {marked:?}");
        }
        self.site.before().open();
        self.wait_for_new(path).await;
        self.assert_new_and_kept(path).await;
    }

    /// Purges a path while it is rendered for the first time, for a request through Varnish.
    async fn purge_what_is_being_rendered(&self, path: &'static str) {
        self.site.publish(1);
        self.site.after().close();
        let arrivals = self.site.after().arrivals();
        let varnish = self.varnish.clone();
        let client = tokio::spawn(async move { visit(&varnish, path).await });
        self.site.after().reached(arrivals + 1).await;
        self.publish_and_purge(path).await;
        self.site.after().open();

        client.await.expect("the client gets a response");
        self.wait_for_new(path).await;
        self.assert_new_and_kept(path).await;
    }
}

/// Serves a site behind the layer until the runtime of the test ends.
async fn serve(isr: &IsrLayer, site: &Site) -> SocketAddr {
    let app = isr.wrap(Router::new().fallback_service(site.for_axum()));
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async move { axum::serve(listener, app.into_make_service()).await });
    address
}

async fn visit(server: &Forward, path: &str) -> Answer {
    let answer = ask(
        server,
        request::<Plain>(Method::GET, path, &[("host", "site.test")]),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Returns whether Varnish had the response: `X-Varnish` then has a second number, of the request
/// that it was fetched for.
fn is_from_varnish(answer: &Answer) -> bool {
    answer.header("x-varnish").contains(' ')
}

#[tokio::test]
#[ignore = "needs varnish; run by .ci/run"]
async fn a_marked_page_is_not_kept_by_varnish_whatever_its_handler_said() {
    let front = Front::of_pages().await;
    let an_hour = Reply::page().header("cache-control", "public, s-maxage=3600");
    let years = Reply::page().header("expires", "Fri, 31 Dec 2100 23:59:59 GMT");
    for (path, reply) in [
        ("/posts/shared", an_hour),
        ("/posts/expires", years),
        ("/posts/offered-by-the-layer", Reply::page()),
    ] {
        front.site.act(reply);
        front.purge_what_varnish_has_not(path).await;
    }
}

#[tokio::test]
#[ignore = "needs varnish; run by .ci/run"]
async fn a_marked_response_of_header_mode_is_not_kept_by_varnish() {
    let front = Front::of_header_mode().await;
    let kept = "public, s-maxage=3600, stale-while-revalidate=60";
    let reply = Reply::page().header("cache-control", kept);
    let years = reply
        .clone()
        .header("expires", "Fri, 31 Dec 2100 23:59:59 GMT");
    for (path, reply) in [("/shared", reply), ("/expires", years)] {
        front.site.act(reply);
        front.purge_what_varnish_has_not(path).await;
    }
}

#[tokio::test]
#[ignore = "needs varnish; run by .ci/run"]
async fn what_is_purged_while_it_is_rendered_is_not_kept_by_varnish() {
    for front in [Front::of_pages().await, Front::of_header_mode().await] {
        for (path, told) in [
            ("/posts/shared", "public, s-maxage=3600"),
            (
                "/posts/stale",
                "public, s-maxage=3600, stale-while-revalidate=60",
            ),
        ] {
            front.site.act(Reply::page().header("cache-control", told));
            front.purge_what_is_being_rendered(path).await;
        }
    }
}
