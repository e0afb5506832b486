//! Methods, associated functions and what `#[async_trait]` makes of them.
#![forbid(unsafe_code)]
#![deny(warnings)]

use std::marker::PhantomData;

use async_trait::async_trait;
use isr_layer::static_page;

struct Request<T>(T);

#[async_trait]
trait Catalog {
    async fn get(&self, request: Request<String>) -> String;
    async fn list(&self, request: Request<&str>) -> String;
}

struct Service;

#[async_trait]
impl Catalog for Service {
    #[static_page("/catalog.v1.Catalog/Get", revalidate = 60)]
    async fn get(&self, request: Request<String>) -> String {
        request.0
    }

    #[static_page("/catalog.v1.Catalog/List", revalidate = 60)]
    async fn list(&self, request: Request<&str>) -> String {
        request.0.to_owned()
    }
}

struct Generic<T>(PhantomData<T>);

impl<T: Default + Send> Generic<T> {
    #[static_page("/generic.v1.Generic/Get")]
    async fn get(&self, request: Request<T>) -> T {
        request.0
    }

    #[static_page("/compiled-out", assoc)]
    fn compiled_out(#[cfg(any())] never: Missing<T>, value: T) -> T {
        const __ISR_PAGE: u8 = 1;
        assert_eq!(__ISR_PAGE, 1);
        value
    }

    #[static_page("/associated", assoc)]
    async fn associated(value: Vec<T>) -> Self {
        drop(value);
        Self(PhantomData)
    }
}

fn main() {
    let _ = Service.get(Request(String::new()));
    let _ = Service.list(Request(""));
    let generic = Generic::<u8>(PhantomData);
    drop(generic.get(Request(1)));
    Generic::<u8>::compiled_out(1);
    drop(Generic::<u8>::associated(vec![]));
}
