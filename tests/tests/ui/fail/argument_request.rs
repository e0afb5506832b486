use isr_layer::static_page;

#[static_page("/posts", query = ["a"], vary = ["accept"])]
async fn post(argument: axum::extract::Request) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
