//! Takes the freestanding recorder in, which `make recorder` has built before and names.

use std::env;
use std::fs;
use std::path::PathBuf;

const NAMED_BY: &str = "REENACT_EMBEDDED_RECORDER";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={NAMED_BY}");
    // A build that checks the code alone goes without it, and says so when it is run.
    let program = env::var_os(NAMED_BY).map_or_else(Vec::new, |path| {
        println!("cargo:rerun-if-changed={}", PathBuf::from(&path).display());
        fs::read(&path).unwrap_or_else(|error| panic!("{NAMED_BY} names {path:?}: {error}"))
    });
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("recorder"), program).expect("cargo makes the directory");
}
