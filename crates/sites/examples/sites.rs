//! `sites FILE…`: non-deterministic instructions of ELF files.

use std::time::Instant;

fn main() {
    for path in std::env::args().skip(1) {
        match std::fs::read(&path) {
            Ok(bytes) => {
                let start = Instant::now();
                let sites = reenact_sites::scan(&bytes);
                println!("{path}: {} sites in {:?}", sites.len(), start.elapsed());
                for site in sites {
                    println!(
                        "  {:#x} {}",
                        site.file_offset,
                        reenact_sites::name(site.kind)
                    );
                }
            }
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
}
