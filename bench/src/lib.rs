//! Runs one scenario a number of times, in this process: `budget <scenario> <requests>`.
//!
//! This program does not measure. `bench/budgets` runs it under callgrind with two numbers of
//! requests and takes the difference, so that the cost of starting the program cancels out.

mod calls;
mod request;
mod scenarios;
mod values;

use std::process::ExitCode;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the scenario that the arguments name.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("budget {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), BoxError> {
    let [scenario, requests] = arguments else {
        return Err("usage: budget <scenario> <requests>".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(scenarios::run(scenario, requests.parse()?))
}
