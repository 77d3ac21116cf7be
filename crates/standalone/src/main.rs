//! `reenact-recorder`: recording on a machine that has no Python and nothing of reenact.
//!
//! One static file: the supervisor, with the recorder inside. What it records is replayed elsewhere,
//! with the whole package.

mod arguments;
mod embedded;
mod ending;
mod failure;
mod place;

use std::env;
use std::io::{self, Write};
use std::process::exit;

use reenact_supervisor::{record, Outcome, RecordOptions};

use crate::arguments::{Record, Wish};
use crate::failure::Failure;

/// What reenact itself fails with; every other status is the program's.
const FAILURE: i32 = 125;

fn main() {
    match run() {
        Ok(status) => exit(status),
        Err(failure) => {
            say(&[failure.to_string()]);
            exit(FAILURE);
        }
    }
}

fn run() -> Result<i32, Failure> {
    match arguments::parse(env::args_os())? {
        Wish::Help => print(arguments::HELP),
        Wish::Version => print(concat!(
            "reenact-recorder ",
            env!("CARGO_PKG_VERSION"),
            "\n"
        )),
        Wish::Record(wish) => return recorded(wish),
    }
    Ok(0)
}

fn recorded(wish: Record) -> Result<i32, Failure> {
    let recorder = embedded::recorder()?;
    let place = match &wish.output {
        Some(path) => path.clone(),
        None => place::new_trace(&wish.command[0])?,
    };
    let mut options = RecordOptions::new(&place, recorder.path(), wish.command);
    options.checksum_interval = wish.checksum_interval;
    options.leaves_code = wish.leaves_code;
    options.chaos_seed = wish.chaos_seed;
    options.timeout = wish.timeout;
    options.mechanism = wish.mechanism;
    let result = record(&options);
    if result.is_err() && wish.output.is_none() {
        place::forget(&place);
    }
    let outcome = result?;
    if !wish.quiet {
        say(&report(&outcome, wish.chaos_seed));
    }
    Ok(ending::end_like(outcome.wait_status))
}

fn report(outcome: &Outcome, seed: Option<u64>) -> Vec<String> {
    let seed = seed.map_or_else(String::new, |seed| format!(" with seed {seed}"));
    let place = outcome.trace.display();
    let mut lines = outcome.messages.clone();
    lines.push(format!("recorded in {place}{seed}"));
    lines
}

/// Lines for a person. The program may have been given a standard error that is closed.
fn say(lines: &[String]) {
    let mut text = String::new();
    for line in lines {
        text.push_str("reenact: ");
        text.push_str(line);
        text.push('\n');
    }
    drop(io::stderr().write_all(text.as_bytes()));
}

fn print(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
}
