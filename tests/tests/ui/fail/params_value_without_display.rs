use isr_layer::static_page;

#[static_page("/posts/{slug}", params = all_slugs)]
async fn post() -> &'static str {
    "post"
}

async fn all_slugs() -> Vec<Option<String>> {
    Vec::new()
}

fn main() {}
