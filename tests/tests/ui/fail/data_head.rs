use isr_layer::static_data;

#[static_data]
async unsafe fn post() -> String {
    String::new()
}

#[static_data]
async extern "C" fn exported() -> u8 {
    1
}

fn main() {}
