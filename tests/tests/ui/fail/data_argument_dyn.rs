use isr_layer::static_data;

trait Repository: Send + Sync {}

#[static_data(skip = [repository])]
async fn posts(repository: &dyn Repository) -> String {
    let _ = repository;
    String::new()
}

fn main() {}
