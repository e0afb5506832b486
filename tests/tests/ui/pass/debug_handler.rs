//! `#[debug_handler]` copies bodies: however often a page is registered, it has one place.

use axum::debug_handler;
use isr_layer::static_page;

#[debug_handler]
#[static_page("/above")]
async fn above() -> &'static str {
    "above"
}

#[static_page("/below")]
#[debug_handler]
async fn below() -> &'static str {
    "below"
}

#[static_page("/alone")]
async fn alone() -> &'static str {
    "alone"
}

fn main() {
    let _: axum::Router = isr_layer::routes![above, below, alone];
    let registered: Vec<String> = inventory::iter::<isr_layer::__private::Registered>
        .into_iter()
        .map(|registered| format!("{:?}", registered.0))
        .collect();
    for page in [above::PAGE, below::PAGE, alone::PAGE] {
        let copies = registered.iter().filter(|registered| registered.contains(page.path()));
        let places: Vec<&String> = copies.collect();
        assert!(!places.is_empty(), "{} is registered", page.path());
        assert!(places.iter().all(|place| **place == format!("{page:?}")), "{places:?}");
        println!("{} copies of {}", places.len(), page.path());
    }
}
