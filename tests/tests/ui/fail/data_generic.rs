use isr_layer::static_data;

#[static_data]
async fn post<T: Clone, const N: usize>(ids: [u8; N], db: T) -> String {
    drop((ids, db));
    String::new()
}

fn main() {}
