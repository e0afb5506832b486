use isr_layer::static_data;

#[static_data(crate = isr)]
async fn post() -> String {
    String::new()
}

fn main() {}
