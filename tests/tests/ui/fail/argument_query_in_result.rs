use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: Result<Query<Vec<(String, String)>>, QueryRejection>) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
