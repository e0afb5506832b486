use isr_layer::static_page;

#[static_page("/posts")]
async fn post(#[cfg(all())] headers: axum::http::HeaderMap) -> &'static str {
    drop(headers);
    "post"
}

fn main() {
    let _ = post;
}
