use isr_layer::static_page;

struct Pages;

impl Pages {
    #[static_page(revalidate = 60)]
    async fn post(&self) -> &'static str {
        "post"
    }
}

fn main() {}
