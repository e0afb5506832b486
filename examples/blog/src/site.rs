//! The pages: each declares when it goes stale and the tags it carries, and is written as if
//! nothing were ever cached.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::Html;
use axum::routing::{MethodRouter, get};
use isr_layer::{IsrLayerBuilder, routes, static_page};

use crate::App;
use crate::db::{Db, DbError};
use crate::error::AppError;
use crate::{values, views};

type Rendered = Result<Html<String>, AppError>;

pub(crate) fn routes() -> Router<App> {
    routes![index, post, tag, about, demo]
        .route(
            "/style.css",
            asset(
                "text/css; charset=utf-8",
                include_str!("../static/style.css"),
            ),
        )
        .route(
            "/demo.js",
            asset(
                "text/javascript; charset=utf-8",
                include_str!("../static/demo.js"),
            ),
        )
        .route(
            "/icon.svg",
            asset("image/svg+xml", include_str!("../static/icon.svg")),
        )
}

/// Says which posts and tags there are, so that their pages can be prerendered. Other paths are
/// rendered when they are asked for, since a post may come at any time.
pub(crate) fn with_lists(builder: IsrLayerBuilder, db: &Db) -> IsrLayerBuilder {
    let (posts, tags) = (db.clone(), db.clone());
    builder
        .params(post::PATH, move || slugs(posts.clone()))
        .params(tag::PATH, move || all_tags(tags.clone()))
}

async fn slugs(db: Db) -> Result<Vec<String>, DbError> {
    db.slugs().await
}

async fn all_tags(db: Db) -> Result<Vec<String>, DbError> {
    db.tags().await
}

/// The list of posts.
#[static_page("/", revalidate = 60, tags = ["posts"])]
async fn index(State(app): State<App>) -> Rendered {
    let posts = values::posts(&app.db, None).await?;
    let tags = values::tags(&app.db).await?;
    Ok(Html(views::index(&posts, &tags)?))
}

/// One post.
#[static_page("/posts/{slug}", revalidate = 60, tags = ["posts", "post:{slug}"])]
async fn post(State(app): State<App>, Path(slug): Path<String>) -> Rendered {
    let post = values::post(&app.db, &slug).await?;
    let post = post.ok_or(AppError::NotFound)?;
    Ok(Html(views::post(&post)?))
}

/// The posts that have a tag.
#[static_page("/tags/{tag}", revalidate = 60, tags = ["posts"])]
async fn tag(State(app): State<App>, Path(tag): Path<String>) -> Rendered {
    let posts = values::posts(&app.db, Some(tag.clone())).await?;
    if posts.is_empty() {
        return Err(AppError::NotFound);
    }
    let tags = values::tags(&app.db).await?;
    Ok(Html(views::tag(&tag, &posts, &tags)?))
}

/// A page whose path is the name of its function. It is rendered again only on demand.
#[static_page(revalidate = false)]
async fn about() -> Rendered {
    Ok(Html(views::about()?))
}

/// A page that shows when it was rendered.
#[static_page("/demo", revalidate = false)]
async fn demo() -> Rendered {
    Ok(Html(views::demo()?))
}

/// Serves a file that is part of the program.
fn asset<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: &'static str,
) -> MethodRouter<S> {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    get(move || async move { (headers, text) })
}
