use isr_layer::static_data;

#[static_data(tags = ["posts", "of:{ids}"])]
async fn posts(ids: &[u8], slug: &str) -> String {
    let _ = ids;
    slug.to_owned()
}

fn main() {}
