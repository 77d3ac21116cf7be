//! Real libraries against the disassembly by binutils.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use reenact_sites::{name, scan};

#[path = "../../../tests/rust/skips.rs"]
mod skips;

const NAMES: [&str; 11] = [
    "cpuid", "rdtsc", "rdtscp", "rdrand", "rdseed", "rdpid", "xgetbv", "xsave", "xsavec", "xbegin",
    "xsaveopt",
];
const DIRECTORIES: [&str; 4] = [
    "/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
];
const LIBRARIES: [&str; 6] = [
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libcrypto.so.3",
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
];

fn library(name: &str) -> Option<PathBuf> {
    DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.exists())
}

/// `(address, name)` of the instructions objdump finds in code; `None` without objdump.
fn disassembled(path: &Path) -> Option<BTreeSet<(u64, String)>> {
    let mut command = Command::new("objdump");
    command
        .args(["-d", "--wide", "--no-show-raw-insn"])
        .arg(path);
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    // binutils disassembles tables of constants between functions, too.
    let is_data = |number: usize| {
        let around = &lines[number.saturating_sub(20)..(number + 20).min(lines.len())];
        around
            .iter()
            .any(|line| line.contains("(bad)") || line.contains(".byte"))
    };
    let parse = |(number, line): (usize, &&str)| {
        let (address, rest) = line.trim_start().split_once(":\t")?;
        let name = rest
            .split_whitespace()
            .find(|word| !word.starts_with("rex"))?;
        let name = name.trim_end_matches("64");
        let name = NAMES.iter().find(|known| **known == name)?;
        let address = u64::from_str_radix(address, 16).ok()?;
        (!is_data(number)).then(|| (address, (*name).to_owned()))
    };
    Some(lines.iter().enumerate().filter_map(parse).collect())
}

/// Address of a file offset, from the section headers as readelf shows them.
fn addresses(path: &Path, offsets: &[(u64, &str)]) -> Option<BTreeSet<(u64, String)>> {
    let output = Command::new("readelf")
        .args(["-lW"])
        .arg(path)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let segments: Vec<(u64, u64, u64)> = text
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words.first() == Some(&"LOAD"))
                .then(|| Some((hex(words[1])?, hex(words[2])?, hex(words[4])?)))?
        })
        .collect();
    let address = |offset: u64| {
        let segment = segments
            .iter()
            .find(|(at, _, size)| (*at..at + size).contains(&offset))?;
        Some(offset - segment.0 + segment.1)
    };
    offsets
        .iter()
        .map(|(offset, name)| Some((address(*offset)?, (*name).to_owned())))
        .collect()
}

#[test]
fn libraries_of_this_system() {
    for file in LIBRARIES {
        let Some(path) = library(file) else {
            skips::note(skips::Reason::NoFile, file);
            continue;
        };
        let bytes = fs::read(&path).expect("a library is readable");
        let sites: Vec<(u64, &str)> = scan(&bytes)
            .instructions
            .iter()
            .filter(|site| site.is_proven)
            .map(|site| (site.file_offset, name(site.kind)))
            .collect();
        let (Some(expected), Some(found)) = (disassembled(&path), addresses(&path, &sites)) else {
            skips::note(skips::Reason::NoProgram, "objdump and readelf");
            return;
        };
        let missed: Vec<_> = expected.difference(&found).collect();
        let wrong: Vec<_> = found.difference(&expected).collect();
        println!("{}: {} sites", path.display(), found.len());
        assert!(wrong.is_empty(), "{}: wrong {wrong:x?}", path.display());
        assert!(missed.is_empty(), "{}: missed {missed:x?}", path.display());
    }
}

#[test]
fn damaged_files_do_not_panic() {
    for name in [LIBRARIES[0], "libgcc_s.so.1"] {
        let Some(path) = library(name) else {
            skips::note(skips::Reason::NoFile, name);
            continue;
        };
        scan_damaged(&fs::read(path).expect("a library is readable"));
    }
}

fn scan_damaged(bytes: &[u8]) {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    for round in 0..30 {
        let mut bytes = bytes.to_vec();
        for _ in 0..8 {
            let end = if round % 2 == 0 { 1024 } else { bytes.len() };
            let at = random() % end;
            bytes[at] = random() as u8;
        }
        if round % 3 == 0 {
            let length = random() % bytes.len();
            bytes.truncate(length);
        }
        scan(&bytes);
    }
}
