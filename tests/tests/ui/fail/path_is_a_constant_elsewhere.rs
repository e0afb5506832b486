use isr_layer::static_page;

mod paths {
    pub(crate) const POST: &str = "/posts/{slug}";
}

#[static_page(paths::POST, tags = ["post:{slug}"])]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = (paths::POST, post::PATH);
    let _ = post();
}
