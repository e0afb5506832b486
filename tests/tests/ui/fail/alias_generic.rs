use axum::Extension;

type Of<T> = Extension<T>;

use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: std::result::Result<Of<u8>, ()>) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
