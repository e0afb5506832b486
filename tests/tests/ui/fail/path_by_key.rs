use isr_layer::static_page;

#[static_page(path = "/posts/{slug}", tags = ["post:{slug}"])]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
