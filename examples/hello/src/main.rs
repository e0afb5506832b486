use axum::{extract::Path, response::Html};
use isr_layer::{IsrLayer, auth::Bearer, context, routes, static_page};

#[static_page("/", revalidate = 60, tags = ["posts"])]
async fn index() -> Html<&'static str> {
    Html("<h1>All posts</h1>")
}

#[static_page("/posts/{slug}", revalidate = "10m", tags = ["posts"])]
async fn post(Path(slug): Path<String>) -> Html<String> {
    context::tag(format!("post:{slug}"));
    Html(format!("<h1>{slug}</h1>")) // a real page queries a database here
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let isr = IsrLayer::builder().build()?;
    let endpoint = isr.revalidate_service(Bearer::from_env("REVALIDATE_SECRET")?);
    let app = routes![index, post].route_service("/api/revalidate", endpoint);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, isr.wrap(app)).await?;
    Ok(())
}
