use isr_layer::static_data;

#[static_data]
async fn post(slug: impl Into<String>, text: &impl AsRef<str>) -> impl Clone {
    let _ = text;
    slug.into()
}

fn main() {}
