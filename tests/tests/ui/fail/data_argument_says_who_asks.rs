use isr_layer::static_data;

struct Session;
struct CookieJar;

#[static_data(skip = [headers, jar, session, both])]
async fn post(
    headers: &axum::http::HeaderMap,
    jar: CookieJar,
    session: &Session,
    both: (axum::http::request::Parts, Option<axum::extract::Request<u8>>),
    user: axum::Extension<u8>,
    query: axum::extract::Query<u8>,
    address: axum::extract::ConnectInfo<u8>,
) -> String {
    drop((headers, jar, session, both, user, query, address));
    String::new()
}

fn main() {}
