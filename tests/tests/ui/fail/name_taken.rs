use isr_layer::static_page;

mod post {}

#[static_page("/posts/{slug}")]
async fn post() -> &'static str {
    "post"
}

fn main() {}
