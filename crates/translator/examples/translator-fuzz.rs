//! Compares random programs run natively and translated.
//!
//! `translator-fuzz [--sequences N] [--seed S] [--verbose]`

#[path = "../harness/mod.rs"]
mod harness;

use harness::{fuzz, generate::Table, machine::Machine};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let verbose = arguments.iter().any(|argument| argument == "--verbose");
    let (sequences, seed) = (value("--sequences", 100_000), value("--seed", 1));
    let table = Table::new();
    let mut machine = Machine::new();
    let begin = std::time::Instant::now();
    let failures = fuzz::fuzz(&mut machine, &table, seed, sequences, verbose);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{sequences} sequences over {} kinds of instruction, {failures} failures, {seconds:.1} s",
        table.codes.len()
    );
    std::process::exit(i32::from(failures > 0));
}
