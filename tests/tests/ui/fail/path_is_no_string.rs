use isr_layer::static_page;

#[static_page(60, tags = ["posts"])]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
