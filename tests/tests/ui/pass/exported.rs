//! Public handlers need no documentation beyond their own.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

pub mod pages {
    //! Pages that others mount.

    /// About us.
    #[isr_layer::static_page]
    pub async fn about() -> &'static str {
        "about"
    }
}

fn main() {
    let _: axum::Router = isr_layer::routes![pages::about];
}
