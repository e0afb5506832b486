use isr_layer::static_data;

#[static_data(tags = ["", "a{b", "a\tb", "posts", "posts", 7])]
async fn posts() -> String {
    String::new()
}

fn main() {}
