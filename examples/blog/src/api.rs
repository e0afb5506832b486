//! The interface for programs: `GET /api/posts` and `GET /api/posts/{slug}` read the values that the
//! pages show, and `PUT /api/posts/{slug}` writes to the database and does not purge anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::App;
use crate::db::{DbError, Saved};
use crate::post::{self, Draft, Post};
use crate::{values, views};

/// Enough for the longest body, however it is escaped in JSON.
const MAX_REQUEST: usize = 1 << 20;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/posts", get(get_posts))
        .route("/api/posts/{slug}", get(get_post).put(put_post))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(map_response(views::no_store)) // a purge does not reach the copies of others
}

/// Lists the recent posts without their bodies, and the tags.
async fn get_posts(State(app): State<App>) -> Result<Response, ApiError> {
    let posts = values::posts(&app.db, None).await?;
    let tags = values::tags(&app.db).await?;
    let without_body = |post: &Post| json!({ "slug": post.slug, "title": post.title, "published": post.published, "tags": post.tags });
    let posts = posts.iter().map(without_body).collect::<Vec<_>>();
    Ok(Json(json!({ "posts": posts, "tags": tags })).into_response())
}

/// Returns one post. This is no page, so a stale value is sent at once, while one query renews it.
async fn get_post(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Json<Arc<Post>>, ApiError> {
    let post = values::post(&app.db, &slug).await?;
    Ok(Json(post.ok_or_else(ApiError::not_found)?))
}

/// Creates or replaces a post. The caller purges it in a second step: `POST /api/revalidate`.
async fn put_post(
    _: Writer,
    State(app): State<App>,
    slug: Result<Path<String>, PathRejection>,
    draft: Result<Json<Draft>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Path(slug) =
        slug.map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))?;
    if !post::is_slug(&slug) {
        return Err(ApiError::invalid(
            "slug must be lower-case letters, digits and hyphens inside",
        ));
    }
    let Json(draft) =
        draft.map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))?;
    let draft = draft.checked().map_err(ApiError::invalid)?;
    let path = format!("/posts/{slug}");
    let saved = app.db.save(slug.clone(), draft, views::today()).await?;
    let answer = Json(json!({ "slug": slug, "path": path, "created": saved == Saved::Created }));
    Ok(match saved {
        Saved::Created => (StatusCode::CREATED, [(header::LOCATION, path)], answer).into_response(),
        Saved::Updated => answer.into_response(),
    })
}

/// Proof that the request carries the secret. It is extracted first, so that without the secret
/// nothing else of the request is read.
struct Writer;

impl FromRequestParts<App> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if app.access.has_bearer(&parts.headers) {
            return Ok(Self);
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let wait = peer.and_then(|peer| app.access.record_wrong(peer.0.ip(), Instant::now()));
        Err(wait.map_or_else(ApiError::unauthorized, ApiError::too_many))
    }
}

/// A status and a sentence, sent as `{"message": "…"}`.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    message: String,
    /// Seconds.
    retry_after: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no post of this name")
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid token")
    }

    fn too_many(seconds: u64) -> Self {
        let message = format!("Too many wrong tokens: try again in {seconds} s");
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "a request of the API failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the database cannot be used",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "message": self.message }))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
