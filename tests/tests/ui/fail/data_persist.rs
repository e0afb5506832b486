use isr_layer::static_data;

#[static_data(persist = true, revalidate = 60)]
async fn post() -> String {
    String::new()
}

fn main() {}
