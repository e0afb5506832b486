use isr_layer::static_page;

mod facade {
    pub(crate) use isr_layer;
}

#[static_page("/posts/{slug}", crate = facade::isr_layer, params = all_slugs)]
async fn post() -> &'static str {
    "post"
}

async fn all_slugs() -> String {
    String::new()
}

fn main() {}
