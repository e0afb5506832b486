use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: ConnectInfo<SocketAddr>) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
