//! The response to a reader when a page cannot be shown.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tokio::task::JoinError;

use crate::db::DbError;
use crate::views;

/// The reason why a request got no page.
#[derive(Debug)]
pub(crate) enum AppError {
    NotFound,
    Database(DbError),
    Template(askama::Error),
    Random(getrandom::Error),
    Task(JoinError),
}

/// Responds to all paths without a route.
pub(crate) async fn not_found() -> AppError {
    AppError::NotFound
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, heading, message) = match &self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not on this map",
                "There is no page at this address, or not any more.",
            ),
            error => {
                tracing::error!(%error, "a request failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "A puncture",
                    "Something broke on our side; please try again.",
                )
            }
        };
        match views::error(heading, message) {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => (status, heading).into_response(),
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::Database(error) => error.fmt(f),
            Self::Template(error) => write!(f, "a template failed: {error}"),
            Self::Random(error) => write!(f, "the system gives no random bytes: {error}"),
            Self::Task(error) => write!(f, "a task ended early: {error}"),
        }
    }
}

impl std::error::Error for AppError {}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::Template(error)
    }
}

impl From<getrandom::Error> for AppError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

impl From<JoinError> for AppError {
    fn from(error: JoinError) -> Self {
        Self::Task(error)
    }
}
