//! Processes, signals, limits, users.

use crate::runner::{args, interrupt_soon, need, sys, Expect::*, Runner};

/// A child that ends at once with this status, or waits to be killed.
fn child(status: Option<u64>) -> u64 {
    let pid = need(57, args([]));
    if pid == 0 {
        if let Some(status) = status {
            sys(231, args([status]));
        }
        loop {
            sys(34, args([]));
        }
    }
    pid
}

pub fn run(runner: &mut Runner) {
    runner.case("status and usage", 61, Success, |arena| {
        args([child(Some(42)), arena.slot(1), 0, arena.slot(2)])
    });
    let waiting = child(None);
    runner.case("none has ended", 61, Success, |arena| {
        args([waiting, arena.slot(1), 1, arena.slot(2)])
    });
    runner.case("interrupted", 61, Error(4), |arena| {
        interrupt_soon();
        args([waiting, arena.slot(1), 0, arena.slot(2)])
    });
    runner.case("none has ended", 247, Success, |arena| {
        args([1, waiting, arena.slot(1), 5, arena.slot(2)])
    });
    runner.case("interrupted", 247, Error(4), |arena| {
        interrupt_soon();
        args([1, waiting, arena.slot(1), 4, arena.slot(2)])
    });
    need(62, args([waiting, 9]));
    need(61, args([waiting, 0, 0, 0]));
    runner.case("no child", 61, Error(10), |arena| {
        args([waiting, arena.slot(1), 0, arena.slot(2)])
    });
    runner.case("no child", 247, Error(10), |arena| {
        args([1, waiting, arena.slot(1), 4, arena.slot(2)])
    });
    runner.case("ended", 247, Success, |arena| {
        args([1, child(Some(3)), arena.slot(1), 4, arena.slot(2)])
    });
    const SIGCHLD: u64 = 17;
    runner.case("identifier", 56, Success, |arena| {
        args([SIGCHLD | 0x10_0000, 0, arena.slot(1), arena.slot(2), 0])
    });
    runner.case("descriptor", 56, Success, |arena| {
        args([SIGCHLD | 0x1000, 0, arena.slot(1), arena.slot(2), 0])
    });
    runner.case("identifier and descriptor", 435, Success, |arena| {
        let flags = 0x10_1000;
        let (pidfd, child, parent) = (arena.slot(1), arena.slot(2), arena.slot(3));
        args([
            arena.longs(0, &[flags, pidfd, child, parent, SIGCHLD, 0, 0, 0]),
            64,
        ])
    });
    for (option, title) in [
        (2, "PR_GET_PDEATHSIG"),
        (16, "PR_GET_NAME"),
        (25, "PR_GET_TSC"),
        (37, "PR_GET_CHILD_SUBREAPER"),
        (40, "PR_GET_TID_ADDRESS"),
        (3, "PR_GET_DUMPABLE"),
    ] {
        runner.case(title, 157, Any, |arena| {
            args([option, arena.slot(1), 0, 0, 0])
        });
    }
    runner.case("PR_GET_AUXV", 157, Any, |arena| {
        args([0x4155_5856, arena.slot(1), 4096, 0, 0])
    });
    runner.case("PR_GET_AUXV cut", 157, Any, |arena| {
        args([0x4155_5856, arena.slot(1), 30, 0, 0])
    });
    runner.case("PR_SET_MM_MAP_SIZE", 157, Any, |arena| {
        args([35, 15, arena.slot(1), 0, 0])
    });
    for option in [0x1003, 0x1004, 0x1021, 0x1022, 0x4001, 0x4003, 0x5005] {
        runner.case("reading", 158, Any, |arena| args([option, arena.slot(1)]));
    }
    runner.case("old action", 13, Success, |arena| {
        args([12, 0, arena.slot(1), 8])
    });
    runner.case("old mask", 14, Success, |arena| {
        args([0, 0, arena.slot(1), 8])
    });
    runner.case("pending", 127, Success, |arena| args([arena.slot(1), 8]));
    runner.case("pending, half", 127, Success, |arena| {
        args([arena.slot(1), 4])
    });
    runner.case("stack", 131, Success, |arena| args([0, arena.slot(1)]));
    runner.case("signal waiting", 128, Success, |arena| {
        let mask = 1u64 << 11;
        need(14, args([0, &raw const mask as u64, 0, 8]));
        need(
            234,
            args([u64::from(std::process::id()), need(186, args([])), 12]),
        );
        args([
            arena.longs(2, &[mask]),
            arena.slot(1),
            arena.longs(3, &[1, 0]),
            8,
        ])
    });
    runner.case("no signal", 128, Error(11), |arena| {
        args([
            arena.longs(2, &[1 << 11]),
            arena.slot(1),
            arena.longs(3, &[0, 1000]),
            8,
        ])
    });
    runner.case("signalfd", 0, Success, |arena| {
        let mask = 1u64 << 11;
        let fd = need(289, args([u64::MAX, &raw const mask as u64, 8, 0]));
        need(
            234,
            args([u64::from(std::process::id()), need(186, args([])), 12]),
        );
        args([fd, arena.slot(1), 500])
    });
    runner.case("lists", 274, Success, |arena| {
        args([0, arena.slot(1), arena.slot(2)])
    });
    runner.case("wake-op", 202, Success, |arena| {
        let second = arena.words(2, &[5]);
        // Set the second word to 3; wake if it was 5.
        [arena.words(1, &[0]), 5, 1, 1, second, 3 << 12 | 5]
    });
    runner.case("lock", 202, Success, |arena| {
        [arena.words(1, &[0]), 6, 0, 0, 0, 0]
    });
    runner.case("unlock", 202, Success, |arena| {
        let tid = need(186, args([])) as u32;
        [arena.words(1, &[tid]), 7, 0, 0, 0, 0]
    });
    runner.case("wait", 202, Error(110), |arena| {
        [arena.words(1, &[0]), 0, 0, arena.longs(2, &[0, 1000]), 0, 0]
    });
    runner.case("limit", 97, Success, |arena| args([7, arena.slot(1)]));
    runner.case("old limit", 302, Success, |arena| {
        args([0, 7, 0, arena.slot(1)])
    });
    runner.case("usage", 98, Success, |arena| args([0, arena.slot(1)]));
    runner.case("parameter", 143, Success, |arena| args([0, arena.slot(1)]));
    runner.case("interval", 148, Success, |arena| args([0, arena.slot(1)]));
    runner.case("processors", 204, Success, |arena| {
        args([0, 1024, arena.slot(1)])
    });
    runner.case("attributes", 315, Success, |arena| {
        args([0, arena.slot(1), 48, 0])
    });
    runner.case("attributes, long", 315, Success, |arena| {
        args([0, arena.slot(1), 200, 0])
    });
    runner.case("too new", 314, Error(7), |arena| {
        let address = arena.slot(1);
        arena.put(address, &[1; 200]);
        arena.words(1, &[200]);
        args([0, address, 0])
    });
    runner.case("processor", 309, Success, |arena| {
        args([arena.slot(1), arena.slot(2), 0])
    });
    runner.case("groups", 115, Success, |arena| args([64, arena.slot(1)]));
    runner.case("number of groups", 115, Success, |arena| {
        args([0, arena.slot(1)])
    });
    for number in [118, 120] {
        runner.case("three", number, Success, |arena| {
            args([arena.slot(1), arena.slot(2), arena.slot(3)])
        });
    }
    runner.case("version 3", 125, Success, |arena| {
        args([arena.words(1, &[0x2008_0522, 0]), arena.slot(2)])
    });
    runner.case("version 1", 125, Success, |arena| {
        args([arena.words(1, &[0x1998_0330, 0]), arena.slot(2)])
    });
    runner.case("asking for the version", 125, Success, |arena| {
        args([arena.words(1, &[0, 0]), 0])
    });
    runner.case("unknown version", 126, Error(22), |arena| {
        args([arena.words(1, &[0, 0]), arena.slot(2)])
    });
    runner.case("security modules", 461, Any, |arena| {
        args([arena.slot(1), arena.words(2, &[100]), 0])
    });
    runner.case("security modules, cut", 461, Any, |arena| {
        args([arena.slot(1), arena.words(2, &[3]), 0])
    });
    runner.case("security context", 459, Any, |arena| {
        args([100, arena.slot(1), arena.words(2, &[500]), 0])
    });
    runner.case("process identifier descriptor", 16, Any, |arena| {
        let fd = need(434, args([u64::from(std::process::id()), 0]));
        args([
            fd,
            0xc040_ff0b,
            arena.longs(1, &[0xff, 0, 0, 0, 0, 0, 0, 0]),
        ])
    });
}
