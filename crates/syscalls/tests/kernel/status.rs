//! Status of files, extended attributes.

use crate::runner::{args, need, scratch_file, Expect::*, Runner};

const AT_FDCWD: u64 = (-100i64) as u64;

pub fn run(runner: &mut Runner) {
    let file = scratch_file("status", b"content");
    let path = format!("/proc/self/fd/{file}");
    runner.case("path", 4, Success, |arena| {
        args([arena.text(2, &path), arena.slot(1)])
    });
    runner.case("missing", 4, Error(2), |arena| {
        args([arena.text(2, "/no/such"), arena.slot(1)])
    });
    runner.case("fd", 5, Success, |arena| args([file, arena.slot(1)]));
    runner.case("link", 6, Success, |arena| {
        args([arena.text(2, &path), arena.slot(1)])
    });
    runner.case("at", 262, Success, |arena| {
        args([AT_FDCWD, arena.text(2, &path), arena.slot(1), 0])
    });
    runner.case("at", 332, Success, |arena| {
        args([AT_FDCWD, arena.text(2, &path), 0, 0xfff, arena.slot(1)])
    });
    runner.case("path", 137, Success, |arena| {
        args([arena.text(2, &path), arena.slot(1)])
    });
    runner.case("fd", 138, Success, |arena| args([file, arena.slot(1)]));
    runner.case("device", 136, Any, |arena| {
        let status = std::fs::metadata("/").expect("the root exists");
        args([std::os::unix::fs::MetadataExt::dev(&status), arena.slot(1)])
    });
    let set = |name: &str, value: &[u8]| {
        let name = format!("{name}\0");
        let value_at = value.as_ptr() as u64;
        crate::runner::sys(
            190,
            args([file, name.as_ptr() as u64, value_at, value.len() as u64, 0]),
        )
    };
    let possible = set("user.reenact", b"a value of the attribute") == 0;
    let expect = if possible { Success } else { Any };
    for (number, title) in [(191, "path"), (192, "followed")] {
        let expect = if number == 192 { Any } else { expect };
        runner.case(title, number, expect, |arena| {
            let (path, name) = (arena.text(2, &path), arena.text(3, "user.reenact"));
            args([path, name, arena.slot(1), 100])
        });
    }
    runner.case("fd", 193, expect, |arena| {
        args([file, arena.text(3, "user.reenact"), arena.slot(1), 100])
    });
    runner.case("size only", 193, expect, |arena| {
        args([file, arena.text(3, "user.reenact"), arena.slot(1), 0])
    });
    runner.case(
        "too small",
        193,
        if possible { Error(34) } else { Any },
        |arena| args([file, arena.text(3, "user.reenact"), arena.slot(1), 3]),
    );
    runner.case("path", 194, expect, |arena| {
        args([arena.text(2, &path), arena.slot(1), 500])
    });
    runner.case("path", 195, Any, |arena| {
        args([arena.text(2, &path), arena.slot(1), 500])
    });
    runner.case("fd", 196, expect, |arena| args([file, arena.slot(1), 500]));
    runner.case("at", 464, Any, |arena| {
        let (path, name) = (arena.text(2, &path), arena.text(3, "user.reenact"));
        let buffer = arena.longs(4, &[arena.slot(1), 100]);
        [AT_FDCWD, path, 0, name, buffer, 16]
    });
    runner.case("at", 465, Any, |arena| {
        args([AT_FDCWD, arena.text(2, &path), 0, arena.slot(1), 500])
    });
    runner.case("larger than known", 468, Any, |arena| {
        args([AT_FDCWD, arena.text(2, &path), arena.slot(1), 64, 0])
    });
    runner.case("flags of a file", 16, Any, |arena| {
        args([file, 0x8008_6601, arena.slot(1)])
    });
    runner.case("extended flags of a file", 16, Any, |arena| {
        args([file, 0x801c_581f, arena.slot(1)])
    });
    runner.case("extents", 16, Any, |arena| {
        let map = arena.words(1, &[0, 0, u32::MAX, u32::MAX, 1, 0, 8, 0]);
        args([file, 0xc020_660b, map])
    });
    runner.case("block size", 16, Any, |arena| {
        args([file, 2, arena.slot(1)])
    });
    runner.case("size of a file", 16, Any, |arena| {
        args([file, 0x5460, arena.slot(1)])
    });
    runner.case("not a terminal", 16, Error(25), |arena| {
        args([file, 0x5401, arena.slot(1)])
    });
    let terminal = need(2, args([c"/dev/ptmx".as_ptr() as u64, 0o402]));
    for (request, title) in [
        (0x5401, "TCGETS"),
        (0x802c_542a, "TCGETS2"),
        (0x5405, "TCGETA"),
        (0x5413, "TIOCGWINSZ"),
        (0x540f, "TIOCGPGRP"),
        (0x541b, "FIONREAD"),
        (0x5411, "TIOCOUTQ"),
        (0x5424, "TIOCGETD"),
        (0x8004_5430, "TIOCGPTN"),
        (0x8004_5432, "TIOCGDEV"),
        (0x8004_5438, "TIOCGPKT"),
        (0x8004_5439, "TIOCGPTLCK"),
        (0x8004_5440, "TIOCGEXCL"),
        (0x5456, "TIOCGLCKTRMIOS"),
        (0x5429, "TIOCGSID"),
        (0x541e, "TIOCGSERIAL"),
        (0x5421, "FIONBIO"),
    ] {
        runner.case(title, 16, Any, |arena| {
            args([terminal, request, arena.words(1, &[0])])
        });
    }
}
