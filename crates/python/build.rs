//! Builds the freestanding programs (recorder, replayer) that the wheel carries.
//!
//! They are workspaces of their own: another panic strategy, link arguments of their own. Only
//! with the feature `programs`, which the wheel build switches on, so that a plain
//! `cargo build` of the workspace stays quick.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crate, the binary it builds, its name in the wheel.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("recorder", "recorder", "reenact-recorder"),
    ("replayer", "reenact-replayer", "reenact-replayer"),
];
/// Crates the programs are made of.
const SOURCES: [&str; 10] = [
    "agent",
    "filters",
    "recorder",
    "interpose",
    "replayer",
    "sandbox",
    "freestanding",
    "trace",
    "syscalls",
    "translator",
];
/// Settings of the outer build that would spoil the inner one.
const FOREIGN: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_PROGRAMS").is_none() {
        return;
    }
    let variable = |name| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let crates = variable("CARGO_MANIFEST_DIR");
    let crates = crates.parent().expect("this crate lies beside the others");
    for source in SOURCES {
        for part in ["src", "Cargo.toml", "Cargo.lock", "build.rs"] {
            let path = crates.join(source).join(part);
            if path.exists() {
                println!("cargo:rerun-if-changed={}", path.display());
            }
        }
    }
    let out = variable("OUT_DIR");
    // Inside the Python package: an editable installation runs from the source tree.
    let package = crates.join("../src/reenact/_programs");
    fs::create_dir_all(&package).expect("the source tree is writable");
    for (name, binary, shipped) in PROGRAMS {
        let source = crates.join(name);
        if !source.join("src/main.rs").exists() {
            println!(
                "cargo:warning={} is not there; the wheel goes without it",
                source.display()
            );
            continue;
        }
        let built = build(&source, &out.join(name), binary);
        let installed = package.join(shipped);
        println!("cargo:rerun-if-changed={}", installed.display());
        install(&built, &installed)
            .unwrap_or_else(|error| panic!("{} cannot be made: {error}", installed.display()));
    }
}

fn build(source: &Path, target: &Path, binary: &str) -> PathBuf {
    let mut command = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    command
        .args(["build", "--release", "--manifest-path"])
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .current_dir(source);
    for name in FOREIGN {
        command.env_remove(name);
    }
    let status = command
        .status()
        .expect("cargo is running this script, so it can be run");
    assert!(status.success(), "building {} failed", source.display());
    target.join("release").join(binary)
}

/// Copy with mode and time (a newer time would run this script again and again). A program
/// that is being run cannot be written to, but replaced.
fn install(built: &Path, installed: &Path) -> io::Result<()> {
    let new = installed.with_extension("new");
    fs::copy(built, &new)?;
    fs::File::open(&new)?.set_modified(fs::metadata(built)?.modified()?)?;
    fs::rename(&new, installed)
}
