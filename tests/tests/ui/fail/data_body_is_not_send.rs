use isr_layer::static_data;

#[static_data]
async fn post() -> String {
    let text = std::rc::Rc::new(String::new());
    std::future::ready(()).await;
    text.to_string()
}

fn main() {}
