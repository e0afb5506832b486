use isr_layer::static_data;

struct Filter;

#[static_data]
async fn posts(filter: Filter) -> String {
    drop(filter);
    String::new()
}

fn main() {}
