//! A small library with debug information, to be damaged.

use std::process::Command;

/// What a C compiler makes of a test's source; `None` where there is no compiler.
pub fn compiled() -> Option<Vec<u8>> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/debugger/lines.c");
    let made = std::env::temp_dir().join(format!("reenact-soak-{}.so", std::process::id()));
    let status = Command::new("cc")
        .args(["-g", "-O1", "-shared", "-fPIC", "-gz=zlib", "-w", "-o"])
        .args([made.as_os_str(), source.as_ref()])
        .status();
    let content = std::fs::read(&made).ok();
    drop(std::fs::remove_file(made));
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("trace_soak: no C compiler, so no debug information is read");
        return None;
    }
    content
}
