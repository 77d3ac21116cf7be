//! poll, select, epoll: successes, timeouts and interruptions.

use crate::runner::{args, interrupt_soon, need, pipe, write, Arena, Expect::*, Runner};

fn set(arena: &mut Arena, slot: usize, fd: u64) -> u64 {
    let mut bits = [0u8; 128];
    bits[fd as usize / 8] |= 1 << (fd % 8);
    let address = arena.slot(slot);
    arena.put(address, &bits)
}

pub fn run(runner: &mut Runner) {
    let (full, write_end) = pipe();
    write(write_end, b"x");
    let (empty, _other) = pipe();
    let highest = full.max(empty).max(write_end) + 1;

    let fds = |arena: &mut Arena| {
        arena.words(
            1,
            &[
                full as u32,
                1 | 0x7777 << 16,
                empty as u32,
                1,
                write_end as u32,
                4,
            ],
        )
    };
    runner.case("ready", 7, Success, |arena| args([fds(arena), 3, 1000]));
    let waiting = |arena: &mut Arena| arena.words(1, &[empty as u32, 1 | 0x7777 << 16]);
    runner.case("timeout", 7, Success, |arena| args([waiting(arena), 1, 5]));
    runner.case("interrupted", 7, Error(4), |arena| {
        interrupt_soon();
        args([waiting(arena), 1, 2000])
    });
    runner.case("ready", 271, Success, |arena| {
        args([fds(arena), 3, arena.longs(2, &[5, 0]), 0, 8])
    });
    runner.case("timeout", 271, Success, |arena| {
        args([waiting(arena), 1, arena.longs(2, &[0, 3_000_000]), 0, 8])
    });
    runner.case("interrupted", 271, Error(4), |arena| {
        interrupt_soon();
        args([waiting(arena), 1, arena.longs(2, &[2, 0]), 0, 8])
    });
    for number in [23, 270] {
        runner.case_within("ready", number, Success, 64, |arena| {
            let (read, written) = (set(arena, 1, full), set(arena, 2, write_end));
            let except = set(arena, 3, empty);
            args([highest, read, written, except, arena.longs(4, &[3, 0])])
        });
        runner.case_within("1024 descriptors", number, Success, 128, |arena| {
            args([
                1024,
                set(arena, 1, full),
                0,
                set(arena, 3, empty),
                arena.longs(4, &[3, 0]),
            ])
        });
        runner.case("timeout", number, Success, |arena| {
            args([
                highest,
                set(arena, 1, empty),
                0,
                0,
                arena.longs(4, &[0, 2000]),
            ])
        });
        runner.case("interrupted", number, Error(4), |arena| {
            interrupt_soon();
            args([highest, set(arena, 1, empty), 0, 0, arena.longs(4, &[2, 0])])
        });
        runner.case("closed descriptor", number, Error(9), |arena| {
            let closed = need(32, args([full]));
            need(3, args([closed]));
            args([
                closed + 1,
                set(arena, 1, closed),
                0,
                0,
                arena.longs(4, &[2, 0]),
            ])
        });
    }
    let epoll = need(291, args([0]));
    for fd in [full, write_end] {
        let mut event = [0u8; 12];
        event[..4].copy_from_slice(&5u32.to_le_bytes());
        event[4..].copy_from_slice(&0x0123_4567_89ab_cdefu64.to_le_bytes());
        need(233, args([epoll, 1, fd, event.as_ptr() as u64]));
    }
    runner.case("ready", 232, Success, |arena| {
        args([epoll, arena.slot(1), 10, 100])
    });
    runner.case("ready", 281, Success, |arena| {
        args([epoll, arena.slot(1), 10, 100, 0, 8])
    });
    runner.case("one of two", 441, Any, |arena| {
        args([epoll, arena.slot(1), 1, arena.longs(2, &[1, 0]), 0, 8])
    });
    let idle = need(291, args([0]));
    runner.case("timeout", 232, Success, |arena| {
        args([idle, arena.slot(1), 10, 3])
    });
    runner.case("interrupted", 232, Error(4), |arena| {
        interrupt_soon();
        args([idle, arena.slot(1), 10, 2000])
    });
}
