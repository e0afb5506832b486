use isr_layer::static_data;

#[static_data]
fn post() -> String {
    String::new()
}

#[static_data]
fn nothing() {}

#[static_data]
const fn constant() -> u8 {
    1
}

fn main() {}
