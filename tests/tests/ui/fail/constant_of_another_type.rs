use isr_layer::static_page;

const HOUR: &str = "1h";

#[static_page("/posts", revalidate = HOUR)]
async fn posts() -> &'static str {
    "posts"
}

fn main() {}
