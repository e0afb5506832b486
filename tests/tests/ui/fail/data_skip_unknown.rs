use isr_layer::static_data;

#[static_data(skip = [database])]
async fn post(db: u8, slug: &str) -> String {
    drop((db, slug));
    String::new()
}

#[static_data(skip = [db])]
async fn nothing() -> String {
    String::new()
}

fn main() {}
