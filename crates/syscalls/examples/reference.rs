//! Prints docs/system-calls.md.

fn main() -> std::io::Result<()> {
    let mut page = String::new();
    reenact_syscalls::write_reference(&mut page).expect("writing to a string does not fail");
    std::io::Write::write_all(&mut std::io::stdout(), page.as_bytes())
}
