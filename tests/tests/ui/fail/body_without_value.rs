use isr_layer::static_page;

#[static_page("/posts")]
async fn post() -> String {}

fn main() {
    let _ = post();
}
