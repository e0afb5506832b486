use isr_layer::static_page;

#[static_page("/posts", crate = "isr")]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
