use isr_layer::static_data;

#[static_data(skip = [db, db])]
async fn post(db: u8) -> String {
    let _ = db;
    String::new()
}

fn main() {}
