use isr_layer::static_page;

type Alias = axum::http::HeaderMap;

struct Pages;

impl Pages {
    #[static_page("/posts")]
    fn posts(&self, headers: Alias) -> usize {
        headers.len()
    }
}

fn main() {
    let _ = Pages.posts(Alias::new());
}
