use isr_layer::{routes, static_page};

#[static_page("/generic")]
async fn generic<T: Send>() -> &'static str {
    std::any::type_name::<T>()
}

fn main() {
    let _: axum::Router = routes![generic::<u8>];
}
