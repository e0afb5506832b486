use isr_layer::static_data;

#[derive(Clone, serde::Serialize)]
struct Filter;

#[static_data]
async fn posts(filter: &Filter, tag: Filter) -> String {
    drop((filter, tag));
    String::new()
}

fn main() {}
