use isr_layer::static_data;

#[static_data]
async fn post(#[cfg(any())] a: Missing, b: u8) -> String {
    let _ = b;
    String::new()
}

fn main() {}
