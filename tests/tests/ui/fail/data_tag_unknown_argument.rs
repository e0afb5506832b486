use isr_layer::static_data;

#[static_data(tags = ["post:{slg}"])]
async fn post(slug: &str) -> String {
    slug.to_owned()
}

fn main() {}
