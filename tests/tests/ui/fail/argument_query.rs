use axum::extract::Query;
use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: Query<Vec<(String, String)>>) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
