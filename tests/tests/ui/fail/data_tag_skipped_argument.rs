use isr_layer::static_data;

#[static_data(tags = ["of:{db}"], skip = [db])]
async fn post(db: u8, slug: &str) -> String {
    let _ = db;
    slug.to_owned()
}

fn main() {}
