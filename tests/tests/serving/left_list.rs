//! Tests that a list of `params` is read to its end, whoever leaves meanwhile: every page that is no
//! longer listed goes.

use std::future::Future;
use std::task::Poll;

use isr_layer::Purge;
use isr_tests::{Answer, Reply, settle};

use crate::listed::{House, POST, Told};
use crate::pass;

/// True if the response was served from memory as fresh.
fn is_hit(answer: &Answer) -> bool {
    answer.cache_status().contains("; hit") && !answer.cache_status().contains("detail")
}

/// A site whose list is about to be read again, since the last reading failed. `/posts/gone` is
/// stored and will not be on the list.
async fn house_with_a_list_to_read() -> House {
    let house = House::with(&["a", "gone", "cookie"], POST, |builder| {
        // So little memory has one part: the last page that was stored is looked at last.
        builder
            .new_keys_per_second(u32::MAX)
            .max_memory_bytes(60 << 20)
    });
    house.site.script(|seen, _| {
        let reply = Reply::page();
        match seen.uri.path() {
            "/posts/cookie" => reply.header("set-cookie", "a=b").into(),
            _ => reply.into(),
        }
    });
    for number in 0..1_100 {
        house.get(&format!("/open/{number}")).await;
    }

    house.slugs.tell(Told::Error);
    house.purge(Purge::page("/posts/{slug}")).await;
    for path in ["/posts/cookie", "/posts/gone"] {
        house.get(path).await;
    }
    pass(2).await;
    house.slugs.tell(Told::Slugs(&["a", "cookie"]));
    house
}

/// Drops `work` after it was polled so many times.
async fn leave_after<T>(polls: usize, work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    for _ in 0..polls {
        let is_over = std::future::poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_ready()));
        if is_over.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_unlisted_page_stays_whenever_a_client_leaves_while_the_list_is_read_again() {
    for polls in 0..16 {
        let house = house_with_a_list_to_read().await;

        leave_after(polls, house.get("/posts/cookie")).await;
        settle().await;
        // Reads the list if nobody has.
        house.get("/posts/a").await;

        let gone = house.get("/posts/gone").await;
        assert!(!is_hit(&gone), "{polls}: {}", gone.cache_status());
    }
}

#[tokio::test(start_paused = true)]
async fn no_unlisted_page_stays_whenever_a_prerendering_is_given_up_while_the_list_is_read() {
    for polls in 0..16 {
        let house = house_with_a_list_to_read().await;

        leave_after(polls, house.prerender()).await;
        settle().await;
        house.get("/posts/a").await;

        let gone = house.get("/posts/gone").await;
        assert!(!is_hit(&gone), "{polls}: {}", gone.cache_status());
    }
}
