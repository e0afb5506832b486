//! The database: posts, their tags and one setting, behind a handle whose calls never block the
//! async threads.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};

use crate::post::{Draft, Post};

/// Largest number of posts in a list, so that the front page stays small.
const LISTED: u32 = 200;

const SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA foreign_keys = ON;
";

const SCHEMA: &str = "
    PRAGMA journal_mode = DELETE;
    CREATE TABLE IF NOT EXISTS posts (
        slug TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, published TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS posts_by_day ON posts (published DESC, slug);
    CREATE TABLE IF NOT EXISTS tags (
        tag TEXT NOT NULL, slug TEXT NOT NULL REFERENCES posts (slug) ON DELETE CASCADE,
        PRIMARY KEY (tag, slug)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS tags_by_post ON tags (slug);
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

const COLUMNS: &str = "SELECT slug, title, body, published,
    (SELECT group_concat(tag, ' ' ORDER BY tag) FROM tags WHERE tags.slug = posts.slug) FROM posts";

/// A cheap handle to the database.
///
/// Each query opens the file: pages and values are kept, so queries are few. SQLite goes on with a
/// file that was moved away while it was open; a query here fails then, as with a server that is
/// down.
#[derive(Clone)]
pub(crate) struct Db {
    file: Arc<Path>,
    /// Counts the queries.
    #[cfg(test)]
    queries: Arc<AtomicUsize>,
}

/// Tells whether the post existed before it was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    Created,
    Updated,
}

/// The reason why a query failed. It can be cloned, so all who wait for a value share the query and
/// its error; otherwise each of them would try for itself.
#[derive(Clone, Debug)]
pub(crate) enum DbError {
    Sqlite(Arc<rusqlite::Error>),
    /// The blocking task panicked or was cancelled.
    Task(Arc<tokio::task::JoinError>),
}

impl Db {
    /// Opens the database, and creates it if there is no file yet.
    pub(crate) async fn open(file: &Path) -> Result<Self, DbError> {
        let db = Self {
            file: file.into(),
            #[cfg(test)]
            queries: Arc::default(),
        };
        let file = Arc::clone(&db.file);
        let created =
            tokio::task::spawn_blocking(move || Connection::open(file)?.execute_batch(SCHEMA));
        created.await??;
        Ok(db)
    }

    /// Returns the number of queries so far.
    #[cfg(test)]
    pub(crate) fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }

    /// Returns the newest posts, or the newest that have a tag.
    pub(crate) async fn posts(&self, tag: Option<String>) -> Result<Vec<Post>, DbError> {
        self.run(move |db| {
            let wanted = "WHERE ?1 IS NULL OR slug IN (SELECT slug FROM tags WHERE tag = ?1)";
            let sql = format!("{COLUMNS} {wanted} ORDER BY published DESC, slug LIMIT {LISTED}");
            db.prepare(&sql)?.query_map([tag], read_post)?.collect()
        })
        .await
    }

    /// Returns the slugs of all posts, the newest first.
    pub(crate) async fn slugs(&self) -> Result<Vec<String>, DbError> {
        self.texts("SELECT slug FROM posts ORDER BY published DESC, slug")
            .await
    }

    /// Returns all tags.
    pub(crate) async fn tags(&self) -> Result<Vec<String>, DbError> {
        self.texts("SELECT DISTINCT tag FROM tags ORDER BY tag")
            .await
    }

    /// Returns the one column of a query.
    async fn texts(&self, sql: &'static str) -> Result<Vec<String>, DbError> {
        self.run(move |db| {
            let mut query = db.prepare(sql)?;
            query.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    pub(crate) async fn post(&self, slug: String) -> Result<Option<Post>, DbError> {
        self.run(move |db| {
            let sql = format!("{COLUMNS} WHERE slug = ?1");
            db.prepare(&sql)?.query_row([slug], read_post).optional()
        })
        .await
    }

    /// Creates or replaces a post. A post that is replaced keeps the day on which it first
    /// appeared.
    pub(crate) async fn save(
        &self,
        slug: String,
        draft: Draft,
        today: String,
    ) -> Result<Saved, DbError> {
        self.run(move |db| {
            let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let known = change.query_row(
                "SELECT EXISTS (SELECT 1 FROM posts WHERE slug = ?1)",
                [&slug],
                bool_of,
            )?;
            write_post(&change, &slug, &draft, &today)?;
            change.commit()?;
            Ok(if known {
                Saved::Updated
            } else {
                Saved::Created
            })
        })
        .await
    }

    /// Writes `posts` into a database that was never seeded before. Returns whether it did.
    pub(crate) async fn seed(&self, posts: Vec<Post>) -> Result<bool, DbError> {
        self.run(move |db| {
            let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let fresh = change.execute(
                "INSERT OR IGNORE INTO settings VALUES ('seeded', 'yes')",
                [],
            )? == 1;
            if fresh {
                for post in posts {
                    let draft = Draft {
                        title: post.title,
                        body: post.body,
                        tags: post.tags,
                    };
                    write_post(&change, &post.slug, &draft, &post.published)?;
                }
            }
            change.commit()?;
            Ok(fresh)
        })
        .await
    }

    /// Returns the setting as first written; writes `value` if there is no setting yet.
    pub(crate) async fn setting_or(
        &self,
        name: &'static str,
        value: String,
    ) -> Result<String, DbError> {
        self.run(move |db| {
            db.execute(
                "INSERT OR IGNORE INTO settings VALUES (?1, ?2)",
                [name, &value],
            )?;
            db.query_row(
                "SELECT value FROM settings WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
        })
        .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        #[cfg(test)]
        self.queries.fetch_add(1, Ordering::Relaxed);
        let file = Arc::clone(&self.file);
        let answer = tokio::task::spawn_blocking(move || work(&mut connect(&file)?));
        Ok(answer.await??)
    }
}

/// Opens the file, which has to be there.
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

fn write_post(
    change: &Transaction<'_>,
    slug: &str,
    draft: &Draft,
    day: &str,
) -> rusqlite::Result<()> {
    change.execute(
        "INSERT INTO posts (slug, title, body, published) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (slug) DO UPDATE SET title = excluded.title, body = excluded.body",
        params![slug, draft.title, draft.body, day],
    )?;
    change.execute("DELETE FROM tags WHERE slug = ?1", [slug])?;
    let mut insert = change.prepare("INSERT INTO tags (tag, slug) VALUES (?1, ?2)")?;
    draft
        .tags
        .iter()
        .try_for_each(|tag| insert.execute([tag.as_str(), slug]).map(drop))
}

fn read_post(row: &Row<'_>) -> rusqlite::Result<Post> {
    let tags: Option<String> = row.get(4)?;
    Ok(Post {
        slug: row.get(0)?,
        title: row.get(1)?,
        body: row.get(2)?,
        published: row.get(3)?,
        tags: tags
            .iter()
            .flat_map(|tags| tags.split(' '))
            .map(str::to_owned)
            .collect(),
    })
}

fn bool_of(row: &Row<'_>) -> rusqlite::Result<bool> {
    row.get(0)
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "the database refused: {error}"),
            Self::Task(error) => write!(f, "the database task ended early: {error}"),
        }
    }
}

impl std::error::Error for DbError {}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<tokio::task::JoinError> for DbError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Task(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn draft(title: &str, tags: &[&str]) -> Draft {
        Draft {
            title: title.into(),
            body: "body".into(),
            tags: tags.iter().map(|&tag| tag.into()).collect(),
        }
    }

    /// Returns an empty database, and the directory that removes it.
    async fn temporary() -> (Db, TempDir) {
        let directory = TempDir::new().unwrap();
        let db = Db::open(&directory.path().join("blog.sqlite")).await;
        (db.unwrap(), directory)
    }

    async fn save(db: &Db, slug: &str, draft: Draft, day: &str) -> Saved {
        db.save(slug.into(), draft, day.into()).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_saved_is_read_again() {
        let (db, _directory) = temporary().await;

        assert_eq!(
            save(&db, "rye", draft("Rye", &["bread", "rye"]), "2024-01-02").await,
            Saved::Created
        );

        let post = db.post("rye".into()).await.unwrap().unwrap();
        assert_eq!(
            (post.title.as_str(), post.published.as_str()),
            ("Rye", "2024-01-02")
        );
        assert_eq!(post.tags, ["bread", "rye"]);
    }

    #[tokio::test]
    async fn saving_again_replaces_text_and_tags_and_keeps_the_day() {
        let (db, _directory) = temporary().await;
        save(&db, "rye", draft("Rye", &["bread", "rye"]), "2024-01-02").await;

        assert_eq!(
            save(&db, "rye", draft("Spelt", &["spelt"]), "2025-01-02").await,
            Saved::Updated
        );

        let post = db.post("rye".into()).await.unwrap().unwrap();
        assert_eq!(
            (post.title.as_str(), post.published.as_str()),
            ("Spelt", "2024-01-02")
        );
        assert_eq!(post.tags, ["spelt"]);
    }

    #[tokio::test]
    async fn posts_are_listed_newest_first_and_by_tag() {
        let (db, _directory) = temporary().await;
        save(&db, "a", draft("A", &["x"]), "2024-01-01").await;
        save(&db, "b", draft("B", &[]), "2024-01-03").await;
        save(&db, "c", draft("C", &["x"]), "2024-01-02").await;

        let slugs = |posts: Vec<Post>| posts.into_iter().map(|post| post.slug).collect::<Vec<_>>();

        assert_eq!(slugs(db.posts(None).await.unwrap()), ["b", "c", "a"]);
        assert_eq!(slugs(db.posts(Some("x".into())).await.unwrap()), ["c", "a"]);
        assert!(db.posts(Some("none".into())).await.unwrap().is_empty());
        assert_eq!(db.slugs().await.unwrap(), ["b", "c", "a"]);
        assert_eq!(db.tags().await.unwrap(), ["x"]);
    }

    #[tokio::test]
    async fn an_unknown_slug_is_none_and_a_hostile_one_is_only_text() {
        let (db, _directory) = temporary().await;

        assert_eq!(db.post("' OR 1=1 --".into()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_database_is_seeded_once() {
        let (db, _directory) = temporary().await;
        let posts = || crate::seed::posts().unwrap();

        assert!(db.seed(posts()).await.unwrap());
        save(&db, &posts()[0].slug, draft("Changed", &[]), "2024-01-01").await;

        assert!(!db.seed(posts()).await.unwrap());
        let kept = db.post(posts()[0].slug.clone()).await.unwrap().unwrap();
        assert_eq!(kept.title, "Changed");
    }

    #[tokio::test]
    async fn a_setting_keeps_its_first_value() {
        let (db, _directory) = temporary().await;

        assert_eq!(db.setting_or("secret", "one".into()).await.unwrap(), "one");
        assert_eq!(db.setting_or("secret", "two".into()).await.unwrap(), "one");
    }

    #[tokio::test]
    async fn a_panic_in_one_query_leaves_the_database_usable() {
        let (db, _directory) = temporary().await;

        let answer = db.run::<(), _>(|_| panic!("on purpose")).await;

        assert!(matches!(answer, Err(DbError::Task(_))));
        assert!(db.posts(None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_database_that_was_moved_away_fails_until_it_is_back() {
        let (db, directory) = temporary().await;
        let (here, away) = (
            directory.path().join("blog.sqlite"),
            directory.path().join("away"),
        );
        save(&db, "rye", draft("Rye", &[]), "2024-01-02").await;

        std::fs::rename(&here, &away).unwrap();
        assert!(db.post("rye".into()).await.is_err());
        assert!(!here.exists(), "a query makes no empty database");

        std::fs::rename(&away, &here).unwrap();
        assert!(db.post("rye".into()).await.unwrap().is_some());
    }
}
