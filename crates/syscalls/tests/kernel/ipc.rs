//! Message queues, semaphores, shared memory, keys.

use crate::runner::{args, need, sys, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    let queue = sys(68, args([0, 0o1666]));
    if queue >= 0 {
        let queue = queue as u64;
        runner.case("message", 70, Success, |arena| {
            let message = [5u64, 0x1122_3344_5566_7788];
            need(69, args([queue, message.as_ptr() as u64, 8, 0]));
            args([queue, arena.slot(1), 100, 0, 0])
        });
        runner.case("nothing there", 70, Error(42), |arena| {
            args([queue, arena.slot(1), 100, 0, 0o4000])
        });
        runner.case("status", 71, Success, |arena| {
            args([queue, 2, arena.slot(1)])
        });
        runner.case("limits", 71, Success, |arena| {
            args([queue, 3, arena.slot(1)])
        });
        runner.case("use", 71, Success, |arena| args([queue, 12, arena.slot(1)]));
        need(71, args([queue, 0, 0]));
    }
    let set = sys(64, args([0, 5, 0o1666]));
    if set >= 0 {
        let set = set as u64;
        runner.case("status", 66, Success, |arena| {
            args([set, 0, 2, arena.slot(1)])
        });
        runner.case("limits", 66, Success, |arena| {
            args([set, 0, 3, arena.slot(1)])
        });
        runner.case("use", 66, Success, |arena| {
            args([set, 0, 19, arena.slot(1)])
        });
        // The size of the set is not known, so far more is reported.
        runner.case_within("values", 66, Success, 10_000, |arena| {
            args([set, 0, 13, arena.slot(1)])
        });
        need(66, args([set, 0, 0, 0]));
    }
    let memory = sys(29, args([0, 4096, 0o1666]));
    if memory >= 0 {
        let memory = memory as u64;
        runner.case("status", 31, Success, |arena| {
            args([memory, 2, arena.slot(1)])
        });
        runner.case("limits", 31, Success, |arena| {
            args([memory, 3, arena.slot(1)])
        });
        runner.case("use", 31, Success, |arena| {
            args([memory, 14, arena.slot(1)])
        });
        need(31, args([memory, 0, 0]));
    }
    let name = format!("reenact-{}\0", std::process::id());
    let queue = sys(240, args([name.as_ptr() as u64, 0o102, 0o600, 0]));
    if queue >= 0 {
        let queue = queue as u64;
        need(241, args([name.as_ptr() as u64]));
        runner.case("attributes", 245, Success, |arena| {
            args([queue, 0, arena.slot(1)])
        });
        runner.case("message", 243, Success, |arena| {
            need(242, args([queue, b"hello".as_ptr() as u64, 5, 7, 0]));
            args([queue, arena.slot(1), 8192, arena.slot(3), 0])
        });
        runner.case("nothing there", 243, Error(110), |arena| {
            args([
                queue,
                arena.slot(1),
                8192,
                arena.slot(3),
                arena.longs(4, &[0, 0]),
            ])
        });
    }
    let key = sys(
        248,
        args([
            c"user".as_ptr() as u64,
            c"reenact".as_ptr() as u64,
            b"payload".as_ptr() as u64,
            7,
            (-2i64) as u64,
        ]),
    );
    if key >= 0 {
        let key = key as u64;
        runner.case("describe", 250, Success, |arena| {
            args([6, key, arena.slot(1), 200])
        });
        runner.case("read", 250, Success, |arena| {
            args([11, key, arena.slot(1), 200])
        });
        runner.case("read, too small", 250, Success, |arena| {
            args([11, key, arena.slot(1), 3])
        });
        runner.case("security", 250, Any, |arena| {
            args([17, key, arena.slot(1), 200])
        });
        runner.case("capabilities", 250, Any, |arena| {
            args([31, arena.slot(1), 50])
        });
    }
}
