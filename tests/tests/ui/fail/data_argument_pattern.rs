use isr_layer::static_data;

#[static_data]
async fn post((a, b): (u8, u8), _: u8, ref c: u8, d @ 0..=255: u8) -> String {
    drop((a, b, c, d));
    String::new()
}

fn main() {}
