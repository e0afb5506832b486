use isr_layer::static_page;

#[static_page("posts", revalidat = 60, expire = 0, tags = ["", 7], vary = ["cookie"], max_body)]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
