use isr_layer::static_data;

#[static_data(name = "")]
async fn empty() -> String {
    String::new()
}

#[static_data(name = "a\nb")]
async fn control() -> String {
    String::new()
}

#[static_data(name = NAME)]
async fn constant() -> String {
    String::new()
}

fn main() {}
