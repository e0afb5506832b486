use isr_layer::static_data;

use std::borrow::Cow;

#[static_data]
async fn post(slug: Option<&str>, ids: &[&str], text: Cow<'_, str>, list: &mut Vec<u8>) -> String {
    drop((slug, ids, text, list));
    String::new()
}

fn main() {}
