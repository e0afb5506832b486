use isr_layer::static_data;

#[static_data(revalidate = "1m", expire = 59)]
async fn post() -> String {
    String::new()
}

fn main() {}
