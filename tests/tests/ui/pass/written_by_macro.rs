//! A macro may write a page whose argument's type it was given.

macro_rules! page {
    ($name:ident, $argument:ident: $ty:ty) => {
        #[isr_layer::static_page]
        async fn $name($argument: $ty) -> String {
            format!("{:?}", $argument)
        }
    };
}

page!(by_state, state: axum::extract::State<u8>);

fn main() {
    let _: axum::Router<u8> = isr_layer::routes![by_state];
}
