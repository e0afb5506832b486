use isr_layer::static_page;

#[static_page("/posts")]
struct Posts;

fn main() {
    let _ = Posts;
}
