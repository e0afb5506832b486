use isr_layer::static_data;

#[static_data(tag = ["posts"], query = ["q"], skipp = [])]
async fn post() -> String {
    String::new()
}

fn main() {}
