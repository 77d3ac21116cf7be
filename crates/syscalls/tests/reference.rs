//! The generated page is current.

#[test]
fn page_is_current() {
    let mut page = String::new();
    reenact_syscalls::write_reference(&mut page).expect("writing to a string does not fail");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/system-calls.md");
    let stored = std::fs::read_to_string(path).expect("the page is part of the repository");
    assert!(
        page == stored,
        "docs/system-calls.md is out of date: \
         cargo run -p reenact-syscalls --example reference > docs/system-calls.md"
    );
}
