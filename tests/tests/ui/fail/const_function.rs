use isr_layer::static_page;

#[static_page("/posts")]
const fn posts() -> &'static str {
    "posts"
}

fn main() {}
