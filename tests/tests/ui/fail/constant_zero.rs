use std::time::Duration;

use isr_layer::static_page;

const NEVER: u64 = 0;

#[static_page("/seconds", revalidate = NEVER)]
async fn seconds() -> &'static str {
    "seconds"
}

#[static_page("/duration", expire = Duration::ZERO)]
async fn duration() -> &'static str {
    "duration"
}

#[static_page("/difference", timeout = 60 - 60)]
async fn difference() -> &'static str {
    "difference"
}

fn main() {}
