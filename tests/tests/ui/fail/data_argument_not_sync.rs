use isr_layer::static_data;

use std::cell::Cell;
use std::rc::Rc;

#[static_data(skip = [count, shared])]
async fn posts(count: &Cell<u8>, shared: Rc<u8>) -> String {
    drop((count.get(), shared));
    String::new()
}

fn main() {}
