use isr_layer::static_data;

struct Db;

impl Db {
    #[static_data]
    async fn post(&self, slug: &str) -> String {
        slug.to_owned()
    }
}

fn main() {}
