use isr_layer::{routes, static_page};

struct Pages;

impl Pages {
    #[static_page("/posts", assoc)]
    async fn posts() -> &'static str {
        "posts"
    }
}

fn main() {
    let _: axum::Router = routes![Pages::posts];
}
