use isr_layer::static_page;

const POST: &str = "/posts/{slug}";

#[static_page(POST, tags = ["post:{slug}"])]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = (POST, post::PATH);
    let _ = post();
}
