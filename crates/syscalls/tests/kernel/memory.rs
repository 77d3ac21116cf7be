//! Calls on memory that write elsewhere.

use crate::runner::{args, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    runner.case("arena", 27, Success, |arena| {
        args([arena.slot(0) & !0xfff, 20 * 4096, arena.slot(1)])
    });
    runner.case("unmapped", 27, Error(12), |arena| {
        args([4096, 4096, arena.slot(1)])
    });
    runner.case("policy and nodes", 239, Success, |arena| {
        args([arena.slot(1), arena.slot(2), 1025, 0, 0])
    });
    runner.case("status", 279, Any, |arena| {
        let page = arena.slot(5) & !0xfff;
        args([
            0,
            3,
            arena.longs(1, &[page, 4096, page]),
            0,
            arena.slot(2),
            0,
        ])
    });
    runner.case("from itself", 310, Success, |arena| {
        let local = arena.longs(1, &[arena.slot(3), 10, arena.slot(4), 100]);
        let content = [1; 60];
        let source = arena.slot(6);
        arena.put(source, &content);
        let remote = arena.longs(2, &[source, 60]);
        [u64::from(std::process::id()), local, 2, remote, 1, 0]
    });
    runner.case("to itself", 311, Success, |arena| {
        let source = arena.slot(6);
        arena.put(source, &[1; 60]);
        let local = arena.longs(1, &[source, 60]);
        let remote = arena.longs(2, &[arena.slot(3), 10, arena.slot(4), 100]);
        [u64::from(std::process::id()), local, 1, remote, 2, 0]
    });
}
