//! The attribute of `isr-layer`. Use it as `isr_layer::static_page`.

use proc_macro::TokenStream;

/// Registers a handler as a page.
#[proc_macro_attribute]
pub fn static_page(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
