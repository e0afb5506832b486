use isr_layer::static_page;

#[static_page("/posts", expire = 30, revalidate = "1m")]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
