use isr_layer::static_page;

struct Pages;

impl Pages {
    #[static_page("/posts/{slug}", params = Self::all_slugs, assoc)]
    async fn post() -> &'static str {
        "post"
    }

    async fn all_slugs() -> Vec<String> {
        vec![]
    }
}

fn main() {}
