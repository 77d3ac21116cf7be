//! The proof that the table is right: run real calls with patterned memory around every buffer
//! and check that each byte the kernel changed was reported, and not absurdly more.

mod descriptors;
mod files;
mod ipc;
mod machine;
mod memory;
mod polling;
mod process;
mod runner;
mod sockets;
mod status;
mod time;

#[test]
fn every_changed_byte_is_reported() {
    let mut runner = runner::Runner::new();
    files::run(&mut runner);
    status::run(&mut runner);
    descriptors::run(&mut runner);
    polling::run(&mut runner);
    sockets::run(&mut runner);
    memory::run(&mut runner);
    process::run(&mut runner);
    time::run(&mut runner);
    ipc::run(&mut runner);
    machine::run(&mut runner);
    runner.finish(100);
}
