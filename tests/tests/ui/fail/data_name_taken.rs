use isr_layer::static_data;

mod post {}

#[static_data]
async fn post() -> String {
    String::new()
}

fn main() {}
