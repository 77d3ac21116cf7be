//! Reading files.

use crate::runner::{args, pipe, scratch_file, sys, write, Expect::*, Runner};

pub fn run(runner: &mut Runner) {
    let content: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let file = scratch_file("files", &content);
    let (read_end, write_end) = pipe();

    runner.case("pipe", 0, Success, |arena| {
        write(write_end, &content[..100]);
        args([read_end, arena.slot(1), 4096])
    });
    runner.case("end of file", 0, Success, |arena| {
        sys(8, args([file, 0, 2]));
        args([file, arena.slot(1), 4096])
    });
    runner.case("bad address", 0, Error(14), |_| {
        sys(8, args([file, 0, 0]));
        args([file, 8, 4096])
    });
    runner.case("directory", 0, Error(21), |arena| {
        let path = arena.text(2, "/");
        args([crate::runner::need(2, args([path, 0])), arena.slot(1), 64])
    });
    runner.case("at an offset", 17, Success, |arena| {
        args([file, arena.slot(1), 777, 100])
    });
    for (number, title) in [(295, "preadv"), (327, "preadv2")] {
        runner.case(title, number, Success, |arena| {
            let vector = [
                arena.slot(1),
                10,
                arena.slot(2),
                0,
                arena.slot(3),
                500,
                arena.slot(4),
                4000,
            ];
            args([file, arena.longs(0, &vector), 4, 0, 0])
        });
    }
    runner.case("twelve buffers", 295, Success, |arena| {
        let vector: Vec<u64> = (0..12)
            .flat_map(|i| [arena.slot(2 + i), 200 + i as u64])
            .collect();
        args([file, arena.longs(0, &vector), 12, 0, 0])
    });
    runner.case("short", 19, Success, |arena| {
        write(write_end, &content[..100]);
        let vector = [arena.slot(1), 60, arena.slot(2), 60, arena.slot(3), 60];
        args([read_end, arena.longs(0, &vector), 3])
    });
    runner.case("over its own vector", 19, Success, |arena| {
        write(write_end, &[7; 64]);
        let vector = [arena.slot(1), 8, arena.slot(0), 32, arena.slot(2), 24];
        args([read_end, arena.longs(0, &vector), 3])
    });
    runner.case("offset", 40, Success, |arena| {
        args([write_end, file, arena.longs(1, &[5]), 50])
    });
    runner.case("offset, no room", 40, Error(9), |arena| {
        args([file + 900, file, arena.longs(1, &[5]), 50])
    });
    runner.case("from the pipe", 0, Success, |arena| {
        args([read_end, arena.slot(1), 50])
    });
    runner.case("file to pipe", 275, Success, |arena| {
        args([file, arena.longs(1, &[3]), write_end, 0, 20, 0])
    });
    let (read_two, write_two) = pipe();
    runner.case("pipe to pipe", 276, Success, |_| {
        args([read_end, write_two, 8, 0])
    });
    runner.case("from a pipe", 278, Success, |arena| {
        args([read_two, arena.longs(0, &[arena.slot(1), 6]), 1, 0])
    });
    let copy = scratch_file("copy", b"");
    runner.case("offsets", 326, Success, |arena| {
        args([
            file,
            arena.longs(1, &[10]),
            copy,
            arena.longs(2, &[20]),
            300,
            0,
        ])
    });
    runner.case("names in a directory", 217, Success, |arena| {
        let path = arena.text(2, "/proc/self");
        args([
            crate::runner::need(2, args([path, 0o200000])),
            arena.slot(1),
            3000,
        ])
    });
    runner.case("names in a directory", 78, Success, |arena| {
        let path = arena.text(2, "/proc/self");
        args([
            crate::runner::need(2, args([path, 0o200000])),
            arena.slot(1),
            3000,
        ])
    });
    runner.case("too small", 217, Error(22), |arena| {
        let path = arena.text(2, "/proc/self");
        args([
            crate::runner::need(2, args([path, 0o200000])),
            arena.slot(1),
            8,
        ])
    });
    runner.case("working directory", 79, Success, |arena| {
        args([arena.slot(1), 4096])
    });
    runner.case("too small", 79, Error(34), |arena| args([arena.slot(1), 2]));
    runner.case("link", 89, Success, |arena| {
        args([arena.text(2, "/proc/self/exe"), arena.slot(1), 4096])
    });
    runner.case("cut", 267, Success, |arena| {
        args([
            u64::MAX - 99,
            arena.text(2, "/proc/self/exe"),
            arena.slot(1),
            5,
        ])
    });
    runner.case("cache", 451, Any, |arena| {
        args([file, arena.longs(0, &[0, 0]), arena.slot(1), 0])
    });
    runner.case("handle", 303, Success, |arena| {
        let handle = arena.words(1, &[128, 0]);
        args([
            u64::MAX - 99,
            arena.text(2, "/tmp"),
            handle,
            arena.slot(3),
            0,
        ])
    });
    runner.case("handle too small", 303, Error(75), |arena| {
        let handle = arena.words(1, &[0, 0]);
        args([
            u64::MAX - 99,
            arena.text(2, "/tmp"),
            handle,
            arena.slot(3),
            0,
        ])
    });
    runner.case("handle, unique mount", 303, Any, |arena| {
        let handle = arena.words(1, &[128, 0]);
        args([
            u64::MAX - 99,
            arena.text(2, "/tmp"),
            handle,
            arena.slot(3),
            1,
        ])
    });
}
