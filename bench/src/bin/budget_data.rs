//! The program `budget` with a function whose values are cached: requests for no
//! page then have a cache in reach, which costs something.

use std::process::ExitCode;

use isr_layer::__private::{RegisteredData, inventory};
use isr_layer::data::Data;

inventory::submit!(RegisteredData(Data::new("registered")));

fn main() -> ExitCode {
    isr_bench::main()
}
