type Alias = axum::http::request::Parts;

use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: Alias) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
