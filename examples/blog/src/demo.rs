//! The button of the demo page: a purge on the server, so that no secret is ever in a browser.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;
use isr_layer::Purge;
use tower_http::csrf::CsrfLayer;

use crate::App;
use crate::error::AppError;
use crate::views;

pub(crate) fn routes() -> Router<App> {
    let button = post(revalidate)
        .layer(CsrfLayer::new())
        .layer(map_response(views::no_store));
    Router::new().route("/demo/revalidate", button)
}

/// Returns the receipt as JSON for the page's script, and as a page if the browser runs no scripts.
async fn revalidate(State(app): State<App>, headers: HeaderMap) -> Result<Response, AppError> {
    let receipt = app.cache.revalidate(Purge::path("/demo")).await;
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        return Ok(Json(receipt).into_response());
    }
    Ok(Html(views::demo_receipt(&receipt)?).into_response())
}
