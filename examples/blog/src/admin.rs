//! The editor's pages: log in with the secret, write, and publish, which saves the post and then
//! purges the pages that show it.

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use isr_layer::{Purge, Receipt};
use serde::Deserialize;
use tower_http::csrf::CsrfLayer;

use crate::App;
use crate::error::AppError;
use crate::post::{self as posts, Draft};
use crate::views::{self, Editor, Notice};

/// Enough for the longest body, however a form escapes it.
const MAX_REQUEST: usize = 1 << 20;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/admin", get(overview))
        .route("/admin/login", post(log_in))
        .route("/admin/logout", post(log_out))
        .route("/admin/posts", post(create))
        .route("/admin/posts/{slug}", get(edit).post(update))
        .layer(CsrfLayer::new())
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(map_response(views::no_store))
}

#[derive(Deserialize)]
struct Login {
    secret: String,
}

/// The fields of the form, not checked yet.
#[derive(Deserialize)]
struct Fields {
    title: String,
    body: String,
    #[serde(default)]
    tags: String,
}

async fn log_in(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(login): Form<Login>,
) -> Result<Response, AppError> {
    let now = Instant::now();
    if app.access.is_secret(login.secret.trim()) {
        let cookie = app.access.log_in(now)?;
        return Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/admin")).into_response());
    }

    let Some(seconds) = app.access.record_wrong(peer.ip(), now) else {
        let page = views::login(Some("That is not the secret."))?;
        return Ok((StatusCode::FORBIDDEN, Html(page)).into_response());
    };
    let message = format!("Too many wrong secrets: try again in {seconds} s.");
    let wait = [(header::RETRY_AFTER, seconds.to_string())];
    let page = views::login(Some(&message))?;
    Ok((StatusCode::TOO_MANY_REQUESTS, wait, Html(page)).into_response())
}

async fn log_out(State(app): State<App>, headers: HeaderMap) -> impl IntoResponse {
    (
        [(header::SET_COOKIE, app.access.log_out(&headers))],
        Redirect::to("/admin"),
    )
}

/// Shows the list of posts, and an empty form for a new one.
async fn overview(_: LoggedIn, State(app): State<App>) -> Result<Html<String>, AppError> {
    let posts = app.db.posts(None).await?;
    Ok(Html(views::admin(&posts)?))
}

async fn edit(
    _: LoggedIn,
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Html<String>, AppError> {
    let post = app.db.post(slug).await?.ok_or(AppError::NotFound)?;
    Ok(Html(views::edit(&Editor::of(post), None)?))
}

async fn create(
    _: LoggedIn,
    State(app): State<App>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    let (slug, draft) = match fields
        .draft()
        .and_then(|draft| Ok((slug_for(&draft)?, draft)))
    {
        Ok(checked) => checked,
        Err(message) => return refuse(fields.editor(None), &message),
    };
    if app.db.post(slug.clone()).await?.is_some() {
        return refuse(
            fields.editor(None),
            &format!("there is a post at /posts/{slug} already"),
        );
    }
    publish_and_show(app, slug, draft).await
}

async fn update(
    _: LoggedIn,
    State(app): State<App>,
    Path(slug): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    if app.db.post(slug.clone()).await?.is_none() {
        return Err(AppError::NotFound);
    }
    match fields.draft() {
        Ok(draft) => publish_and_show(app, slug, draft).await,
        Err(message) => refuse(fields.editor(Some(slug)), &message),
    }
}

/// Redirects to the post, so that a reload does not publish it once more. If a page could not be
/// renewed, the editor is shown again with the receipt.
async fn publish_and_show(app: App, slug: String, draft: Draft) -> Result<Response, AppError> {
    let path = format!("/posts/{slug}");
    let editor = Editor {
        slug: Some(slug.clone()),
        title: draft.title.clone(),
        body: draft.body.clone(),
        tags: draft.tags.join(", "),
    };
    // Runs in a task of its own: if the editor closes the window, the post must not be saved
    // without the purge.
    let receipt = tokio::spawn(publish(app, slug, draft)).await??;
    if receipt.is_revalidated() {
        return Ok(Redirect::to(&path).into_response());
    }
    Ok(Html(views::edit(&editor, Some(Notice::not_renewed(&receipt)))?).into_response())
}

/// Saves first, then purges: a render that starts after the purge finds the new text.
async fn publish(app: App, slug: String, draft: Draft) -> Result<Receipt, AppError> {
    let own = Purge::path(format!("/posts/{slug}"));
    app.db.save(slug, draft, views::today()).await?;
    Ok(app
        .cache
        .revalidate(Purge::batch([own, Purge::path("/"), Purge::tag("posts")]))
        .await)
}

fn refuse(editor: Editor, message: &str) -> Result<Response, AppError> {
    let page = views::edit(&editor, Some(Notice::refused(message)))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
}

fn slug_for(draft: &Draft) -> Result<String, String> {
    posts::slug_of(&draft.title)
        .ok_or_else(|| "title needs a letter or a digit to make an address of".into())
}

impl Fields {
    fn draft(&self) -> Result<Draft, String> {
        let tags = Draft::tags_from_field(&self.tags);
        Draft {
            title: self.title.clone(),
            body: self.body.clone(),
            tags,
        }
        .checked()
    }

    /// Returns the form as it was sent, so that the editor loses no text.
    fn editor(self, slug: Option<String>) -> Editor {
        Editor {
            slug,
            title: self.title,
            body: self.body,
            tags: self.tags,
        }
    }
}

/// Proof that the request belongs to a session. Without one the response is the login form.
struct LoggedIn;

impl FromRequestParts<App> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if app.access.has_session(&parts.headers, Instant::now()) {
            return Ok(Self);
        }
        let asked_to_read = matches!(parts.method, Method::GET | Method::HEAD);
        let status = if asked_to_read {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        let page = views::login(None).map_err(|error| AppError::from(error).into_response())?;
        Err((status, Html(page)).into_response())
    }
}
