use isr_layer::static_page;

#[static_page("/posts", not_found_revalidate = "0s")]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
