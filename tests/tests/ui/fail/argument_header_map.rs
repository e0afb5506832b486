use isr_layer::static_page;

#[static_page("/posts", query = ["page"])]
async fn post(argument: axum::http::HeaderMap) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
