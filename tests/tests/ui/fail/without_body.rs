use isr_layer::static_page;

trait Pages {
    #[static_page("/posts")]
    async fn posts(&self) -> String;
}

fn main() {}
