use isr_layer::static_data;

type Headers = axum::http::HeaderMap;
type Whole = axum::http::Request<()>;
type Extensions = axum::http::Extensions;
type Uri = axum::extract::OriginalUri;

#[static_data(skip = [headers, extensions, uri, whole])]
async fn post(headers: &Headers, extensions: Extensions, uri: Uri, whole: Whole) -> String {
    drop((headers, extensions, uri, whole));
    String::new()
}

fn main() {}
