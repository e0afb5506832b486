use isr_layer::static_page;

type Alias = axum::http::HeaderMap;

#[static_page("/posts", revalidate = 0)]
async fn post(page: axum::extract::RawQuery, headers: Alias) -> &'static str {
    drop((page, headers));
    "post"
}

fn main() {}
