use isr_layer::static_data;

#[static_data]
#[static_data(revalidate = 60)]
async fn post() -> String {
    String::new()
}

fn main() {}
