use isr_layer::static_data;

use std::borrow::Cow;

#[static_data]
async fn reference(slug: &str) -> &str {
    slug
}

#[static_data]
async fn lifetime<'a>(slug: &'a str) -> Result<Cow<'a, str>, String> {
    Ok(slug.into())
}

fn main() {}
