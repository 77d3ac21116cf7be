//! Pipes and fcntl.

use crate::runner::{args, pipe, scratch_file, write, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    runner.case("two", 22, Success, |arena| args([arena.slot(1)]));
    runner.case("two", 293, Success, |arena| {
        args([arena.slot(1), 0o2000000])
    });
    runner.case("bad flags", 293, Error(22), |arena| {
        args([arena.slot(1), 1])
    });
    let file = scratch_file("descriptors", b"some content");
    for (command, title) in [(5, "F_GETLK"), (36, "F_OFD_GETLK")] {
        runner.case(title, 72, Success, |arena| {
            // F_WRLCK of everything; l_pid must be 0 for the second.
            args([file, command, arena.longs(1, &[1, 0, 0, 0])])
        });
    }
    runner.case("F_GETFD", 72, Success, |arena| {
        args([file, 1, arena.slot(1)])
    });
    runner.case("F_GETOWN_EX", 72, Success, |arena| {
        args([file, 16, arena.slot(1)])
    });
    runner.case("F_GETOWNER_UIDS", 72, Any, |arena| {
        args([file, 17, arena.slot(1)])
    });
    runner.case("F_GET_RW_HINT", 72, Any, |arena| {
        args([file, 1035, arena.slot(1)])
    });
    runner.case("F_DUPFD", 72, Success, |arena| {
        args([file, 0, arena.slot(1) & 0xff])
    });
    let (read_end, write_end) = pipe();
    write(write_end, b"12345");
    runner.case("FIONREAD", 16, Success, |arena| {
        args([read_end, 0x541b, arena.slot(1)])
    });
    let watch = crate::runner::need(294, args([0o4000]));
    crate::runner::need(254, args([watch, c"/tmp".as_ptr() as u64, 0xfff]));
    runner.case("inotify", 0, Success, |arena| {
        crate::runner::scratch_file("watched", b"x");
        args([watch, arena.slot(1), 4096])
    });
    runner.case("inotify FIONREAD", 16, Success, |arena| {
        args([watch, 0x541b, arena.slot(1)])
    });
    let event = crate::runner::need(290, args([0, 0o4000]));
    runner.case("eventfd", 0, Success, |arena| {
        write(event, &3u64.to_le_bytes());
        args([event, arena.slot(1), 64])
    });
}
