use isr_layer::static_page;

#[static_page("/posts/[slug]")]
async fn brackets() -> &'static str {
    "Next.js"
}

#[static_page("/docs/[...rest]")]
async fn rest_in_brackets() -> &'static str {
    "Next.js"
}

#[static_page("/posts/:slug")]
async fn colon() -> &'static str {
    "Express, and axum before 0.8"
}

#[static_page("/files/*path")]
async fn star() -> &'static str {
    "axum before 0.8"
}

#[static_page("/posts/<slug>")]
async fn angles() -> &'static str {
    "Rocket"
}

fn main() {}
