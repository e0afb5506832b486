use isr_layer::static_data;

use std::rc::Rc;

#[static_data]
async fn value() -> Rc<str> {
    "".into()
}

#[static_data]
async fn error() -> Result<String, Rc<str>> {
    Err("".into())
}

fn main() {}
