//! `sites [--brief] FILE…`: non-deterministic instructions of ELF files.

use std::time::Instant;

fn main() {
    let mut is_brief = false;
    for argument in std::env::args().skip(1) {
        if argument == "--brief" {
            is_brief = true;
            continue;
        }
        match std::fs::read(&argument) {
            Ok(bytes) => describe(&argument, &bytes, is_brief),
            Err(error) => eprintln!("{argument}: {error}"),
        }
    }
}

fn describe(path: &str, bytes: &[u8], is_brief: bool) {
    let start = Instant::now();
    let sites = reenact_sites::scan(bytes);
    let time = start.elapsed();
    let proven = sites.instructions.iter().filter(|site| site.is_proven);
    let proven = proven.count();
    println!(
        "{path}: {proven} proven, {} suspected, {} calls in {time:?}",
        sites.instructions.len() - proven,
        sites.calls.len(),
    );
    for site in sites
        .instructions
        .iter()
        .filter(|site| !is_brief || !site.is_proven)
    {
        let suspected = if site.is_proven { "" } else { " suspected" };
        let name = reenact_sites::name(site.kind);
        println!("  {:#x} {name}{suspected}", site.file_offset);
    }
}
