use isr_layer::static_data;

#[static_data]
struct Post;

fn main() {}
