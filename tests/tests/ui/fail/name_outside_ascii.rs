use isr_layer::static_page;

#[static_page]
async fn über() -> &'static str {
    "about"
}

fn main() {}
