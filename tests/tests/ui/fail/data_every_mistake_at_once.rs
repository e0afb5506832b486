use isr_layer::static_data;

#[static_data(revalidat = 60, expire = 0, tags = ["", 7, "{b}"], skip = [b], name = "", persist)]
fn post<T>(&self, a: T, (b, c): (u8, u8), headers: HeaderMap) -> &str {
    "post"
}

fn main() {}
