use isr_layer::static_page;

#[static_page("/caf%c3%a9")]
async fn post() -> &'static str {
    "post"
}

fn main() {
    let _ = post::PATH;
    let _ = post();
}
