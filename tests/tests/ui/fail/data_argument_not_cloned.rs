use isr_layer::static_data;

#[derive(PartialEq, serde::Serialize)]
struct Filter;

#[static_data]
async fn posts(filter: &Filter, tag: Filter) -> String {
    drop((filter, tag));
    String::new()
}

fn main() {}
