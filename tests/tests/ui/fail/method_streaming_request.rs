use async_trait::async_trait;
use isr_layer::static_page;

struct Request<T>(T);
struct Response<T>(T);
struct Streaming<T>(T);
struct Status;

#[async_trait]
trait Catalog {
    async fn add(&self, request: Request<Streaming<String>>) -> Result<Response<String>, Status>;
}

struct Service;

#[async_trait]
impl Catalog for Service {
    #[static_page("/catalog.v1.Catalog/Add", revalidate = 60)]
    async fn add(&self, request: Request<Streaming<String>>) -> Result<Response<String>, Status> {
        Ok(Response(request.0.0))
    }
}

fn main() {}
