//! `budget <scenario> <requests>`: see the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    isr_bench::main()
}
