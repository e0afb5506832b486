use isr_layer::static_data;

#[derive(Clone, PartialEq)]
struct Db;

#[static_data]
async fn post(db: &Db, slug: &str) -> String {
    let _ = db;
    slug.to_owned()
}

fn main() {}
