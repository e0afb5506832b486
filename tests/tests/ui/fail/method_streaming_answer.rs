use async_trait::async_trait;
use isr_layer::static_page;

struct Request<T>(T);
struct Response<T>(T);
struct Status;

#[async_trait]
trait Catalog {
    type ListStream;
    async fn list(&self, request: Request<String>) -> Result<Response<Self::ListStream>, Status>;
}

struct Service;

#[async_trait]
impl Catalog for Service {
    type ListStream = Vec<String>;

    #[static_page("/catalog.v1.Catalog/List", revalidate = 60)]
    async fn list(&self, request: Request<String>) -> Result<Response<Self::ListStream>, Status> {
        Ok(Response(vec![request.0]))
    }
}

fn main() {}
