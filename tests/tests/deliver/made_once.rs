//! Tests that variants are made once after the render, do not delay the first response, and are
//! made anew for a new page.

use bytes::Bytes;
use isr_layer::{IsrLayer, Mode, Policy, Purge};
use isr_tests::Reply;
use proptest::prelude::*;

use crate::{A, BROWSER, Stage, html, only, pass, secs, ten_seconds, text};

/// Returns bytes that no encoder makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..))
        .take(length)
        .collect()
}

#[tokio::test]
async fn the_first_answer_need_not_be_encoded_and_the_next_is() {
    let stage = Stage::new(A);
    stage.site.act(html());

    let first = stage.get(&only(BROWSER)).await;
    stage.drained().await;
    let second = stage.get(&only(BROWSER)).await;

    assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored");
    // Encoded only if the encoder was faster than the way of the response to its client.
    assert_eq!(first.decoded(), text().as_bytes());
    assert_eq!(second.header("content-encoding"), "br");
    assert_eq!(stage.site.renders(), 1);
}

#[tokio::test]
async fn the_first_answer_does_not_wait_for_the_variants() {
    let stage = Stage::new(A);
    stage.site.act(html().chunk(text().repeat(200)));

    stage.get(&[]).await;

    assert!(
        stage.isr.cache().metrics().tasks() > 0,
        "the variants are still being made"
    );
    stage.drained().await;
}

#[tokio::test]
async fn followers_of_the_first_render_do_not_wait_for_the_variants_either() {
    let stage = Stage::new(A);
    stage.site.act(html());
    stage.site.before().close();
    let clients = [(); 3].map(|()| {
        let service = stage.service.clone();
        let request = isr_tests::request::<crate::Plain>(http::Method::GET, "/a", &only(BROWSER));
        tokio::spawn(async move { isr_tests::ask(&service, request).await })
    });
    stage.site.before().reached(1).await;
    isr_tests::settle().await;

    stage.site.before().open();

    for client in clients {
        let answer = client.await.expect("a client is answered");
        assert_eq!(answer.decoded(), text().as_bytes());
        assert_eq!(answer.header("vary"), "accept-encoding");
    }
}

#[tokio::test]
async fn the_decoded_bytes_are_identitys() {
    let stage = Stage::warm(A, html()).await;

    for coding in ["br", "gzip"] {
        let answer = stage.get(&only(coding)).await;

        assert_eq!(answer.header("content-encoding"), coding);
        assert!(
            answer.body.len() < text().len() / 2,
            "{coding} takes {} bytes",
            answer.body.len()
        );
        assert_eq!(answer.decoded(), text().as_bytes(), "{coding}");
    }
}

#[tokio::test]
async fn a_digest_of_the_page_does_not_trail_what_is_not_the_page() {
    for (trailer, expected) in [
        ("content-digest", None),
        ("repr-digest", None),
        ("x-checksum", Some("abc")),
    ] {
        let stage = Stage::warm(A, html().trailer(trailer, "abc")).await;

        let answer = stage.get(&only("br")).await;

        assert_eq!(answer.header("content-encoding"), "br");
        let trailing = answer
            .trailers
            .as_ref()
            .map(|trailers| trailers[trailer].to_str().unwrap());
        assert_eq!(trailing, expected, "{trailer}");
    }
}

#[tokio::test]
async fn a_variant_is_made_once_and_not_for_each_answer() {
    let stage = Stage::warm(A, html()).await;

    let one = stage.get(&only("br")).await.body;
    let other = stage.get(&only("br")).await.body;

    assert_eq!(
        one.as_ptr(),
        other.as_ptr(),
        "both are views of the same bytes"
    );
}

#[tokio::test]
async fn a_variant_is_kept_only_when_it_is_smaller() {
    let stage = Stage::warm(A, html().chunk("").chunk(noise(4096))).await;
    let noisy = Reply::page()
        .header("content-type", "text/plain")
        .chunk(noise(4096));
    stage.site.act(noisy);
    let _ = stage.isr.cache().revalidate(Purge::path("/a")).await;
    stage.drained().await;

    let answer = stage.get(&only("br, gzip, identity;q=0.1")).await;

    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.body, noise(4096));
}

/// Memory counts the body of a page with variants twice, so the variants must not take more than
/// that.
#[tokio::test]
async fn the_variants_of_a_page_are_together_no_larger_than_it() {
    // Random digits: every encoder makes them smaller, and none by more than half.
    let digits = noise(4096)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let stage = Stage::warm(
        A,
        Reply::page()
            .header("content-type", "text/plain")
            .chunk(digits.clone()),
    )
    .await;

    let mut encoded = 0;
    for coding in ["br", "gzip", "zstd"] {
        let answer = stage.get(&only(coding)).await;
        assert_eq!(answer.decoded(), digits.as_bytes(), "{coding}");
        if !answer.header("content-encoding").is_empty() {
            encoded += answer.body.len();
        }
    }

    assert!(
        (digits.len() / 2..=digits.len()).contains(&encoded),
        "{encoded} of {}",
        digits.len()
    );
}

#[tokio::test]
async fn a_regenerated_page_gets_new_variants() {
    let stage = Stage::warm(A, html()).await;
    let old = stage.get(&only("br")).await;
    let changed = text().replace("some", "another");
    stage.site.act(
        Reply::page()
            .header("content-type", "text/html")
            .chunk(changed.clone()),
    );

    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;
    stage.drained().await;
    let new = stage.get(&only("br")).await;

    assert_eq!(new.header("content-encoding"), "br");
    assert_eq!(new.decoded(), changed.as_bytes());
    assert_ne!(new.header("etag"), old.header("etag"));
}

#[tokio::test]
async fn a_page_that_stops_being_text_loses_its_variants() {
    let stage = Stage::warm(A, html()).await;
    stage.site.act(
        Reply::page()
            .header("content-type", "image/png")
            .chunk(text()),
    );

    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;
    stage.drained().await;
    let answer = stage.get(&only(BROWSER)).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        ("", "")
    );
    assert_eq!(answer.text(), text());
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_served_encoded_too() {
    let stage = Stage::warm(ten_seconds(), html()).await;
    pass(12).await;

    let answer = stage.get(&only(BROWSER)).await;

    assert_eq!(answer.cache_status(), "isr; hit; ttl=-2; detail=stale-time");
    assert_eq!(answer.header("content-encoding"), "br");
    assert_eq!(answer.decoded(), text().as_bytes());
}

#[tokio::test(start_paused = true)]
async fn the_last_good_page_is_served_encoded_too() {
    let stage = Stage::warm(ten_seconds(), html()).await;
    stage.site.act(Reply::status(500));
    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    let answer = stage.get(&only("gzip")).await;

    assert_eq!(
        answer.cache_status(),
        "isr; fwd=stale; detail=failed-status"
    );
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.decoded(), text().as_bytes());
}

#[tokio::test]
async fn trailers_follow_a_variant_as_they_follow_identity() {
    let stage = Stage::warm(A, html().trailer("x-checksum", "1234")).await;

    for coding in ["identity", "br", "gzip"] {
        let answer = stage.get(&only(coding)).await;

        let trailers = answer.trailers.expect("there are trailers");
        assert_eq!(trailers["x-checksum"], "1234", "{coding}");
    }
}

#[tokio::test]
async fn a_prerendered_page_has_its_variants_when_the_first_client_comes() {
    let page = isr_layer::Page::new("/{slug}");
    let isr = IsrLayer::builder()
        .pages([page])
        .params(page.path(), || async { vec!["a"] })
        .build();
    let stage = Stage::of(isr.expect("the page has params"));
    stage.site.act(html());
    // A plain service is known to the layer only after a first request.
    stage.ask(http::Method::GET, "/b", &[]).await;

    let _ = stage.isr.cache().prerender().await;
    stage.drained().await;
    let answer = stage.get(&only(BROWSER)).await;

    assert_eq!(
        (answer.header("content-encoding"), stage.site.renders()),
        ("br", 2)
    );
}

#[tokio::test]
async fn memory_stays_within_its_bytes_with_variants() {
    const LIMIT: u64 = 512 * 1024;
    let page = isr_layer::Page::new("/{slug}").with_policy(Policy::new().revalidate(secs(60)));
    let stage = Stage::of(
        IsrLayer::builder()
            .pages([page])
            .max_memory_bytes(LIMIT)
            .build()
            .expect("the page is accepted"),
    );
    stage.site.act(html());

    for at in 0..200 {
        stage.ask(http::Method::GET, &format!("/{at}"), &[]).await;
    }
    stage.drained().await;
    let stats = stage.isr.cache().metrics();

    assert!(stats.bytes() <= LIMIT, "{} bytes", stats.bytes());
    assert!(stats.entries() > 20, "{} entries", stats.entries());
    // The bytes counted for an entry must cover its body and the body's variants.
    let variants = Stage::warm(A, html()).await.get_sizes("/a").await;
    let each = stats.bytes() / stats.entries() as u64;
    assert!(each >= variants, "{each} bytes are counted for {variants}");
}

/// Once, only bodies were counted twice, so a small page with long headers took three times the
/// bytes counted for it.
#[tokio::test]
async fn the_heads_of_variants_are_counted() {
    let policy = "x".repeat(4000);
    let stage = Stage::warm(A, html().header("x-long", &policy)).await;

    let counted = stage.isr.cache().metrics().bytes();

    let taken = stage.get_sizes("/a").await + 3 * 4000;
    assert!(counted >= taken, "{counted} bytes are counted for {taken}");
}

impl Stage {
    /// Returns the sum of the bytes of a page in identity, brotli and gzip.
    async fn get_sizes(&self, path: &str) -> u64 {
        let mut bytes = 0;
        for coding in ["identity", "br", "gzip"] {
            bytes += self
                .ask(http::Method::GET, path, &only(coding))
                .await
                .body
                .len() as u64;
        }
        bytes
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_body_is_decoding_gives_it_back(
        words in prop::collection::vec("[a-e]{0,6}", 200..1500),
        noise in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        let body = Bytes::from([words.join(" ").as_bytes(), &noise].concat());
        block_on(async {
            let stage = Stage::warm(A, Reply::page().header("content-type", "text/css").chunk(body.clone())).await;
            for coding in ["br", "gzip", "zstd", "identity"] {
                let answer = stage.get(&only(coding)).await;
                prop_assert_eq!(&answer.decoded(), &body);
                prop_assert!(answer.body.len() <= body.len());
            }
            Ok(())
        })?;
    }
}
