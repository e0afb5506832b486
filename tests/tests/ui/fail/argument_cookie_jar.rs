#[derive(Clone)]
struct CookieJar;

use isr_layer::static_page;

#[static_page("/posts", vary = ["accept"])]
async fn post(argument: CookieJar) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
