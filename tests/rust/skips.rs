//! Skips of Rust tests. The test harness knows none at run time, so each is written to the file that
//! `REENACT_TEST_SKIPS` names; `make test` lists them with those of the Python tests.

// Each test has this file for itself, and gives some of the reasons.
#![allow(dead_code)]

use std::io::Write;

/// Why a test cannot run here: some of the reasons of `tests/skips.py`, in the same words.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    NoProgram,
    NoFile,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::NoProgram => "a program it records is not installed",
            Reason::NoFile => "a file it reads is not there",
        }
    }
}

/// Note that the running test is skipped, or a part of it; it has to return, or to go on with the rest.
pub fn note(reason: Reason, detail: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!(
        "{}::{test}\t{}: {detail}\n",
        env!("CARGO_PKG_NAME"),
        reason.text()
    );
    eprint!("skipped: {line}");
    let Some(place) = std::env::var_os("REENACT_TEST_SKIPS") else {
        return;
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .create(true)
        .append(true)
        .open(place)
        .expect("REENACT_TEST_SKIPS names a file that can be written");
    file.write_all(line.as_bytes())
        .expect("REENACT_TEST_SKIPS names a file that can be written");
}
