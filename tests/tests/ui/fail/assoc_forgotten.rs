use isr_layer::static_page;

struct Pages;

impl Pages {
    #[static_page("/posts")]
    async fn posts() -> &'static str {
        "posts"
    }
}

fn main() {}
