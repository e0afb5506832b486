use isr_layer::static_page;

struct Pages;

impl Pages {
    #[static_page("/posts")]
    fn posts(&self, #[cfg(all())] headers: axum::http::HeaderMap) -> usize {
        headers.len()
    }
}

fn main() {
    let _ = Pages.posts(axum::http::HeaderMap::new());
}
