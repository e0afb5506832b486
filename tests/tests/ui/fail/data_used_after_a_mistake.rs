use isr_layer::static_data;

#[static_data(revalidat = 60)]
async fn post(slug: &str) -> String {
    slug.to_owned()
}

async fn page() -> String {
    let _ = post::DATA.name();
    post("a").await
}

fn main() {}
