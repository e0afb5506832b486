use isr_layer::static_data;

#[static_data]
async fn post() {}

fn main() {}
