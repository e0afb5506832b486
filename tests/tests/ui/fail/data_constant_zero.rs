use isr_layer::static_data;

const NEVER: u64 = 0;

#[static_data(revalidate = NEVER, timeout = "0s", jitter = 1, not_found_revalidate)]
async fn post() -> String {
    String::new()
}

#[static_data(expire = NEVER)]
async fn other() -> String {
    String::new()
}

fn main() {}
