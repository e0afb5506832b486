use isr_layer::static_data;

struct Post;

#[static_data]
async fn post(slug: &str) -> Result<Post, String> {
    Err(slug.to_owned())
}

type Answer = Result<Option<Post>, String>;

#[static_data]
async fn alias(slug: &str) -> Answer {
    Err(slug.to_owned())
}

#[static_data]
async fn alone() -> Post {
    Post
}

fn main() {}
