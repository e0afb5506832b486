struct Cookies;

use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: Cookies) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
