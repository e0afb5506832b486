use isr_layer::static_data;

#[static_data(skip = db)]
async fn post(db: u8) -> String {
    let _ = db;
    String::new()
}

#[static_data(skip = ["db", 7, other::db])]
async fn strings(db: u8) -> String {
    let _ = db;
    String::new()
}

fn main() {}
