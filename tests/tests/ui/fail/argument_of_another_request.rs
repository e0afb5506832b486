use axum::Json;
use isr_layer::static_page;

/// Stand for axum's extractors, whose features are off here.
struct Form<T>(T);
struct Multipart;
struct WebSocketUpgrade;

#[static_page("/json")]
async fn json(_: Json<u8>) {}

#[static_page("/form", vary = ["accept-language"])]
async fn form(_: Option<Form<u8>>) {}

#[static_page("/multipart")]
async fn multipart(_: Multipart) {}

#[static_page("/socket")]
async fn socket(_: WebSocketUpgrade) {}

fn main() {}
