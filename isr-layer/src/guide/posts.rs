// The database of the examples about data. This file is not a module: each example includes it
// below `site.rs`, in hidden lines.

use axum::http::StatusCode;
use axum::response::IntoResponse;

/// A database of posts, which counts how often it is asked. Clones share it.
#[derive(Clone, Default)]
struct Db(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    posts: HashMap<String, Post>,
    asked: usize,
    is_down: bool,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Post {
    title: String,
}

/// The error of the examples.
#[derive(Clone, Debug, PartialEq)]
enum AppError {
    NotFound,
    Down,
}

impl Db {
    fn write(&self, slug: &str, title: &str) {
        let post = Post { title: title.to_owned() };
        self.0.lock().unwrap().posts.insert(slug.to_owned(), post);
    }

    fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// Returns how often the database was asked.
    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    async fn post(&self, slug: &str) -> Result<Option<Post>, AppError> {
        let mut rows = self.0.lock().unwrap();
        rows.asked += 1;
        match rows.is_down {
            true => Err(AppError::Down),
            false => Ok(rows.posts.get(slug).cloned()),
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for AppError {}

impl IntoResponse for AppError {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}
