//! Clocks, timers and sleeping.

use crate::runner::{args, interrupt_soon, need, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    runner.case("slept", 35, Success, |arena| {
        args([arena.longs(1, &[0, 1000]), arena.slot(2)])
    });
    runner.case("interrupted", 35, Error(4), |arena| {
        interrupt_soon();
        args([arena.longs(1, &[2, 0]), arena.slot(2)])
    });
    runner.case("interrupted", 230, Error(4), |arena| {
        interrupt_soon();
        args([1, 0, arena.longs(1, &[2, 0]), arena.slot(2)])
    });
    runner.case("interrupted before a deadline", 230, Error(4), |arena| {
        interrupt_soon();
        args([1, 1, arena.longs(1, &[1 << 40, 0]), arena.slot(2)])
    });
    runner.case("interval", 36, Success, |arena| args([0, arena.slot(1)]));
    runner.case("old interval", 38, Success, |arena| {
        args([2, arena.longs(2, &[0, 0, 1000, 0]), arena.slot(1)])
    });
    runner.case("time and zone", 96, Success, |arena| {
        args([arena.slot(1), arena.slot(2)])
    });
    runner.case("processor time", 100, Success, |arena| {
        args([arena.slot(1)])
    });
    runner.case("parameters", 159, Success, |arena| {
        args([arena.longs(1, &[0; 26])])
    });
    runner.case("parameters", 305, Success, |arena| {
        args([0, arena.longs(1, &[0; 26])])
    });
    runner.case("seconds", 201, Success, |arena| args([arena.slot(1)]));
    runner.case("new", 222, Success, |arena| args([1, 0, arena.slot(1)]));
    runner.case("bad clock", 222, Error(22), |arena| {
        args([77, 0, arena.slot(1)])
    });
    let mut timer = 0u32;
    need(222, args([1, 0, &raw mut timer as u64]));
    let timer = u64::from(timer);
    runner.case("old setting", 223, Success, |arena| {
        args([timer, 0, arena.longs(2, &[0, 0, 1000, 0]), arena.slot(1)])
    });
    runner.case("setting", 224, Success, |arena| {
        args([timer, arena.slot(1)])
    });
    runner.case("time", 228, Success, |arena| args([1, arena.slot(1)]));
    runner.case("resolution", 229, Success, |arena| args([1, arena.slot(1)]));
    let fd = need(283, args([1, 0o4000]));
    runner.case("old setting", 286, Success, |arena| {
        args([fd, 0, arena.longs(2, &[0, 0, 1000, 0]), arena.slot(1)])
    });
    runner.case("setting", 287, Success, |arena| args([fd, arena.slot(1)]));
    runner.case("expirations", 0, Any, |arena| args([fd, arena.slot(1), 8]));
}
