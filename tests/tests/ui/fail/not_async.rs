use isr_layer::static_page;

#[static_page("/posts")]
fn posts() -> &'static str {
    "posts"
}

#[static_page("/nothing")]
fn nothing() {}

#[static_page("/named")]
fn named() -> String {
    "named".to_owned()
}

fn main() {}
