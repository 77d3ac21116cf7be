//! The machine, mounts.

use crate::runner::{args, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    runner.case("names", 63, Success, |arena| args([arena.slot(1)]));
    runner.case("information", 99, Success, |arena| args([arena.slot(1)]));
    runner.case("random bytes", 318, Success, |arena| {
        args([arena.slot(1), 300, 0])
    });
    runner.case("name of a file system", 139, Any, |arena| {
        args([2, 0, arena.slot(1)])
    });
    runner.case("log", 103, Any, |arena| args([3, arena.slot(1), 500]));
    runner.case("quota format", 179, Any, |arena| {
        args([0x8000_0400, arena.text(2, "/dev/root"), 0, arena.slot(1)])
    });
    let request =
        |arena: &mut crate::runner::Arena, what: u64| arena.longs(2, &[24, u64::MAX, what]);
    runner.case("format", 443, Any, |arena| {
        args([0, 0x8000_0400, 0, arena.slot(1)])
    });
    runner.case("root of the tree", 458, Any, |arena| {
        args([request(arena, 0), arena.slot(1), 100, 0])
    });
    runner.case("a mount", 457, Any, |arena| {
        // The unique identifier of the root's mount, from statx.
        let mut status = [0u64; 32];
        let root = c"/".as_ptr() as u64;
        crate::runner::need(332, args([0, root, 0, 0x4000, status.as_mut_ptr() as u64]));
        let request = arena.longs(2, &[24, status[18], 0x3f]);
        args([request, arena.slot(1), 3000, 0])
    });
}
