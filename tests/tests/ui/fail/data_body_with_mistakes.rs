use isr_layer::static_data;

#[static_data(revalidate = 60)]
async fn post(slug: &str) -> Result<String, String> {
    let unknown = missing;
    Ok(slug)
}

fn main() {}
