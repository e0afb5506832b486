use isr_layer::static_data;

struct Posts;

impl Posts {
    #[static_data]
    async fn recent_posts_of_everybody() -> String {
        String::new()
    }
}

fn main() {}
