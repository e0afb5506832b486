use isr_layer::static_page;

#[static_page("/posts", max_body = 0)]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
