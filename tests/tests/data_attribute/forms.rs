//! Every form of function that the attribute accepts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isr_layer::static_data;

use crate::source::{Db, Down, cache};

/// Counts the loads of one test.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[static_data]
async fn no_arguments() -> usize {
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    LOADS.fetch_add(1, Ordering::SeqCst) + 1
}

#[tokio::test]
async fn a_function_without_arguments_and_errors_is_one_value() {
    let read = cache().scope(async { (no_arguments().await, no_arguments().await) });

    assert_eq!(read.await, (1, 1));
}

#[static_data(skip = [count], tags = ["sum:{from}:{to}", "sums", "sums-to:{to}{to}"])]
async fn owned(from: u64, count: Count, to: u64) -> (u64, usize) {
    (from + to, count.next())
}

#[tokio::test]
async fn owned_arguments_are_moved() {
    let count = Count::default();
    let read = cache().scope(async {
        let first = owned(1, count.clone(), 2).await;
        let second = owned(1, count.clone(), 2).await;
        (first, second, owned(2, count.clone(), 1).await)
    });

    assert_eq!(read.await, ((3, 1), (3, 1), (3, 2)));
}

#[static_data(skip = [count])]
async fn slices(count: &Count, ids: &[i64], names: &[&'static str], name: &'static str) -> String {
    format!("{} {ids:?} {names:?} {name}", count.next())
}

#[tokio::test]
async fn slices_are_owned() {
    let count = Count::default();
    let read = cache().scope(async {
        let first = slices(&count, &[1, 2], &["a"], "b").await;
        let second = slices(&count, &[1, 2], &["a"], "b").await;
        assert_eq!(first, second);
        slices(&count, &[1], &["a"], "b").await
    });

    assert_eq!(read.await, "2 [1] [\"a\"] b");
}

#[static_data(name = "changed", skip = [r#type])]
async fn mutable(mut list: Vec<u8>, r#type: Count) -> Arc<[u8]> {
    list.push(9);
    list[0] += u8::try_from(r#type.next()).unwrap_or(0);
    list.into()
}

#[tokio::test]
async fn an_argument_may_be_mutable_and_raw() {
    let count = Count::default();
    let read = cache().scope(async {
        let first = mutable(vec![1], count.clone()).await;
        (first, mutable(vec![1], count.clone()).await)
    });
    let (first, second) = read.await;

    assert_eq!(*first, [2, 9]);
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(mutable::DATA.name(), "changed");
}

#[static_data(tags = ["{type}"])]
async fn r#match(r#type: &str) -> String {
    format!("matched {}", r#type)
}

#[tokio::test]
async fn a_raw_name_is_a_name() {
    let read = cache().scope(async { r#match("a").await });

    assert_eq!(read.await, "matched a");
    assert_eq!(r#match::DATA.name(), "match");
}

const MINUTE: u64 = 60;

#[static_data(
    revalidate = MINUTE,
    expire = Duration::from_secs(3_600),
    timeout = "5s",
    not_found_revalidate = 2,
    jitter = true
)]
async fn every_key() -> u8 {
    0
}

#[static_data(revalidate = false)]
async fn no_key() -> u8 {
    0
}

#[tokio::test]
async fn every_key_reaches_the_handle() {
    let (every, none) = (
        format!("{:?}", every_key::DATA),
        format!("{:?}", no_key::DATA),
    );

    for field in [
        "name: \"every_key\"",
        "revalidate: Some(60s)",
        "expire: Some(3600s)",
        "timeout: 5s",
        "not_found_revalidate: 2s",
        "jitter: true",
        "tags: []",
    ] {
        assert!(every.contains(field), "{field} in {every}");
    }
    for field in [
        "revalidate: None",
        "expire: None",
        "timeout: 30s",
        "jitter: false",
    ] {
        assert!(none.contains(field), "{field} in {none}");
    }
    let read = cache().scope(async { every_key().await + no_key().await });
    assert_eq!(read.await, 0);
}

type Answer<T> = std::result::Result<T, Down>;

/// Has a name that ends as that of a `Result`, and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SearchResult(usize);

#[static_data(skip = [count])]
async fn alias(count: &Count, fails: bool) -> Answer<usize> {
    let count = count.next();
    if fails { Err(Down) } else { Ok(count) }
}

#[static_data(skip = [count])]
async fn search_result(count: &Count) -> SearchResult {
    SearchResult(count.next())
}

#[tokio::test(start_paused = true)]
async fn a_result_is_one_by_its_type_and_not_by_its_name() {
    let count = Count::default();
    let read = cache().scope(async {
        assert_eq!(alias(&count, false).await, Ok(1));
        assert_eq!(alias(&count, false).await, Ok(1));
        assert_eq!(alias(&count, true).await, Err(Down));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(alias(&count, true).await, Err(Down));
        let searched = (search_result(&count).await, search_result(&count).await);
        assert_eq!(searched, (SearchResult(4), SearchResult(4)));
    });
    read.await;
}

#[static_data]
async fn not_cloned(count: String) -> Result<usize, std::io::Error> {
    count.parse().map_err(std::io::Error::other)
}

#[tokio::test]
async fn an_error_need_not_be_cloned() {
    let read = cache().scope(async {
        let good = not_cloned("7".into()).await;
        (good.ok(), not_cloned("seven".into()).await.is_err())
    });

    assert_eq!(read.await, (Some(7), true));
}

#[static_data(skip = [count])]
async fn lifetimes<'a, 'b>(count: &'a Count, text: &'b str, cow: Cow<'static, str>) -> usize
where
    'b: 'a,
{
    count.next() + text.len() + cow.len()
}

#[tokio::test]
async fn named_lifetimes_are_kept() {
    let count = Count::default();
    let cow = || Cow::Borrowed("bc");
    let read = cache().scope(async {
        let first = lifetimes(&count, "a", cow()).await;
        (first, lifetimes(&count, "a", cow()).await)
    });

    assert_eq!(read.await, (4, 4));
}

#[static_data(skip = [count])]
async fn recursive(count: &Count, n: u64) -> u64 {
    count.next();
    match n {
        0 | 1 => n,
        _ => again(count, n - 1).await + again(count, n - 2).await,
    }
}

/// The compiler has to know that the future is `Send` before it knows the future's type.
fn again(count: &Count, n: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(recursive(count, n))
}

#[tokio::test]
async fn a_value_may_be_made_of_others_of_its_own() {
    let count = Count::default();
    let read = cache().scope(async { recursive(&count, 40).await });

    assert_eq!(read.await, 102_334_155);
    assert_eq!(count.next(), 42);
}

#[tokio::test]
async fn a_function_in_a_function_is_one_too() {
    #[static_data(skip = [db])]
    async fn inner(db: &Db, slug: &str) -> Result<bool, Down> {
        #![allow(clippy::items_after_statements)]
        use std::convert::identity;
        fn load(found: bool) -> bool {
            identity(found)
        }
        let post = db.post(slug).await?;
        Ok(load(post.is_some()))
    }

    let db = Db::new();
    let read = cache().scope(async { (inner(&db, "a").await, inner(&db, "a").await) });

    assert_eq!(read.await, (Ok(true), Ok(true)));
    assert_eq!(db.loads(), 1);
    assert_eq!(inner::DATA.name(), "inner");
}

#[static_data]
#[allow(clippy::too_many_arguments)]
async fn many(
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    l: u8,
) -> BTreeMap<u8, u8> {
    [(a, b), (c, d), (e, f), (g, h), (i, j), (k, l)].into()
}

#[tokio::test]
async fn twelve_arguments_are_accepted() {
    let read = cache().scope(async { many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12).await });

    assert_eq!(read.await.len(), 6);
}

#[tracing::instrument(skip(count))]
#[static_data(skip = [count])]
async fn instrumented_above(count: &Count, n: u8) -> usize {
    count.next() + usize::from(n)
}

#[static_data(skip = [count])]
#[tracing::instrument(skip(count))]
async fn instrumented_below(count: &Count, n: u8) -> usize {
    count.next() + usize::from(n)
}

#[tokio::test]
async fn other_attributes_may_stand_above_and_below() {
    let count = Count::default();
    let read = cache().scope(async {
        assert_eq!(instrumented_above(&count, 1).await, 2);
        assert_eq!(instrumented_above(&count, 1).await, 2);
        assert_eq!(instrumented_below(&count, 1).await, 3);
        assert_eq!(instrumented_below(&count, 1).await, 3);
    });
    read.await;
}

#[static_data]
#[cfg(any())]
async fn compiled_out(count: Missing) -> Missing {}

#[cfg_attr(all(), static_data(revalidate = 5))]
async fn compiled_in() -> u8 {
    1
}

#[tokio::test]
async fn a_function_may_be_compiled_out() {
    assert_eq!(compiled_in().await, 1);
    assert_eq!(compiled_in::DATA.name(), "compiled_in");
}

macro_rules! values {
    ($($name:ident($argument:ident: $ty:ty) -> $returned:ty $body:block)*) => {
        $(
            #[static_data(tags = ["of-macro"])]
            async fn $name($argument: $ty) -> $returned $body
        )*
    };
}

values! {
    by_reference(text: &str) -> usize { text.len() }
    by_value(text: String) -> Option<usize> { text.parse().ok() }
}

#[tokio::test]
async fn a_macro_may_write_the_function() {
    let read = cache().scope(async { (by_reference("ab").await, by_value("7".into()).await) });

    assert_eq!(read.await, (2, Some(7)));
}
