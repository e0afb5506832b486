//! The values that pages and the API share: each is loaded from the database once, and kept until
//! it is a minute old or purged. A page that reads one is stale when it is, and has its tags.
//!
//! So whoever changes a post purges a tag: `post:{slug}`, or `posts` if it is a new one. A purge of
//! a path reaches that page alone, which is then rendered from the values that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use isr_layer::{context, static_data};
use serde::Serialize;

use crate::db::{Db, DbError};
use crate::post::Post;

/// A tag, and the number of listed posts that have it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TagCount {
    pub(crate) tag: String,
    pub(crate) posts: usize,
}

/// Returns one post.
#[static_data(revalidate = 60, tags = ["posts", "post:{slug}"], skip = [db])]
pub(crate) async fn post(db: &Db, slug: &str) -> Result<Option<Arc<Post>>, DbError> {
    Ok(db.post(slug.to_owned()).await?.map(Arc::new))
}

/// Returns the recent posts, or the recent posts that have a tag. A purge of any of them reaches
/// the list.
#[static_data(revalidate = 60, tags = ["posts"], skip = [db])]
pub(crate) async fn posts(db: &Db, tag: Option<String>) -> Result<Arc<[Post]>, DbError> {
    let posts = db.posts(tag).await?;
    for post in &posts {
        context::tag(format!("post:{}", post.slug));
    }
    Ok(posts.into())
}

/// Counts the tags of the recent posts: a value that is made of a value, so it is no query more.
#[static_data(revalidate = 60, skip = [db])]
pub(crate) async fn tags(db: &Db) -> Result<Arc<[TagCount]>, DbError> {
    let mut counts = BTreeMap::<_, usize>::new();
    for tag in posts(db, None).await?.iter().flat_map(|post| &post.tags) {
        *counts.entry(tag.clone()).or_default() += 1;
    }
    let counts = counts
        .into_iter()
        .map(|(tag, posts)| TagCount { tag, posts });
    Ok(counts.collect())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use isr_layer::auth::Bearer;
    use isr_layer::{Cache, IsrLayer, Mode, Purge, Wrapped};
    use tempfile::TempDir;
    use tokio::time::{Duration, advance, sleep};
    use tower::ServiceExt;

    use super::*;
    use crate::access::Access;
    use crate::post::Draft;
    use crate::{App, application};

    const SECRET: &str = "a-secret-that-is-long-enough-to-use";

    /// All that shows the post `rye`.
    const SHOW_RYE: [&str; 5] = [
        "/",
        "/posts/rye",
        "/tags/bread",
        "/api/posts",
        "/api/posts/rye",
    ];

    /// The blog with the posts `rye` and `spelt`, without a server.
    struct Site {
        app: Wrapped<Router>,
        db: Db,
        cache: Cache,
        directory: TempDir,
    }

    impl Site {
        async fn new() -> Self {
            let directory = TempDir::new().unwrap();
            let db = Db::open(&directory.path().join("blog.sqlite")).await;
            let (isr, db) = (IsrLayer::builder().build().unwrap(), db.unwrap());
            let state = App {
                db: db.clone(),
                cache: isr.cache(),
                access: Access::new(SECRET),
            };
            let site = Self {
                app: application(&isr, Bearer::new(SECRET).unwrap(), state),
                db,
                cache: isr.cache(),
                directory,
            };
            site.save("rye", "Rye", &["bread", "rye"]).await;
            site.save("spelt", "Spelt", &["bread"]).await;
            site
        }

        fn take_database_away(&self) {
            std::fs::remove_file(self.directory.path().join("blog.sqlite")).unwrap();
        }

        async fn save(&self, slug: &str, title: &str, tags: &[&str]) {
            let draft = Draft {
                title: title.into(),
                body: "body".into(),
                tags: tags.iter().map(|&tag| tag.into()).collect(),
            };
            let saved = self.db.save(slug.into(), draft, "2024-01-02".into());
            saved.await.unwrap();
        }

        async fn get(&self, path: &str) -> String {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = self.app.clone().oneshot(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(body.to_vec()).unwrap()
        }

        /// Returns the queries that `work` makes.
        async fn queries<T>(&self, work: impl Future<Output = T>) -> (T, usize) {
            let before = self.db.queries();
            (work.await, self.db.queries() - before)
        }

        async fn get_all(&self) -> Vec<String> {
            let mut bodies = Vec::new();
            for path in SHOW_RYE {
                bodies.push(self.get(path).await);
            }
            bodies
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pages_and_api_share_one_query_for_each_value() {
        let site = Site::new().await;

        let (bodies, queries) = site.queries(site.get_all()).await;

        assert!(bodies.iter().all(|body| body.contains("Rye")), "{bodies:?}");
        assert_eq!(queries, 3, "the recent posts, those about bread, and rye");
    }

    #[tokio::test(start_paused = true)]
    async fn many_readers_at_once_are_one_query() {
        let site = Arc::new(Site::new().await);
        let before = site.db.queries();

        let readers = (0..100).map(|number| {
            let (site, path) = (Arc::clone(&site), ["/", "/api/posts"][number % 2]);
            tokio::spawn(async move { site.get(path).await })
        });
        for reader in readers.collect::<Vec<_>>() {
            assert!(reader.await.unwrap().contains("Rye"));
        }

        assert_eq!(site.db.queries() - before, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_purge_of_a_post_reaches_all_that_shows_it_at_one_query_for_each_value() {
        let site = Site::new().await;
        site.get_all().await;
        site.save("rye", "Rye again", &["bread", "new"]).await;
        let (kept, queries) = site.queries(site.get_all()).await;
        assert!(!kept.iter().any(|body| body.contains("Rye again")));
        assert_eq!(queries, 0);

        let purge = Purge::tag("post:rye").mode(Mode::Expire);
        assert!(site.cache.revalidate(purge).await.is_revalidated());
        let (bodies, queries) = site.queries(site.get_all()).await;

        assert!(bodies.iter().all(|body| body.contains("Rye again")));
        assert_eq!(queries, 3);
        assert!(bodies[0].contains("new (1)") && !bodies[0].contains("rye (1)"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_api_sends_a_stale_post_at_once_and_a_page_waits_for_a_new_one() {
        let site = Site::new().await;
        site.get("/api/posts/rye").await;
        site.save("rye", "Rye again", &[]).await;
        advance(Duration::from_secs(60)).await;

        let (stale, page) = (
            site.get("/api/posts/rye").await,
            site.get("/posts/rye").await,
        );

        assert!(stale.contains(r#""title":"Rye""#), "{stale}");
        assert!(page.contains("<h1>Rye again</h1>"), "{page}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_that_is_missing_is_asked_for_once_in_ten_seconds() {
        let site = Site::new().await;

        let (_, queries) = site
            .queries(async {
                for path in ["/api/posts/none", "/posts/none", "/api/posts/none"] {
                    site.get(path).await;
                }
            })
            .await;
        assert_eq!(queries, 1);

        site.save("none", "Not missing", &[]).await;
        sleep(Duration::from_secs(10)).await;
        assert!(site.get("/posts/none").await.contains("Not missing"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_that_cannot_be_loaded_is_one_query_for_all_who_ask_within_a_second() {
        let site = Site::new().await;
        site.take_database_away();
        let ask = async || {
            for _ in 0..10 {
                let response = site.get("/api/posts/rye").await;
                assert_eq!(response, r#"{"message":"the database cannot be used"}"#);
            }
        };

        assert_eq!(site.queries(ask()).await.1, 1);

        advance(Duration::from_secs(1)).await;
        assert_eq!(site.queries(ask()).await.1, 1);
    }

    #[tokio::test]
    async fn tags_are_counted() {
        let site = Site::new().await;

        let counted = site.cache.scope(tags(&site.db)).await.unwrap();

        let counted = counted
            .iter()
            .map(|count| (count.tag.as_str(), count.posts));
        assert_eq!(counted.collect::<Vec<_>>(), [("bread", 2), ("rye", 1)]);
    }
}
