struct AuthSession<B>(B);

use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: AuthSession<u8>) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
