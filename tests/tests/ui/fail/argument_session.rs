struct Session;

use isr_layer::static_page;

#[static_page("/posts")]
async fn post(argument: Session) -> &'static str {
    drop(argument);
    "post"
}

fn main() {
    let _ = post;
}
