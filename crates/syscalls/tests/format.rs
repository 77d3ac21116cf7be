//! Printing calls.

use reenact_syscalls::{errno_name, format_call, lookup, signal_name};

fn format(number: u64, args: &[u64], result: i64) -> String {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let mut text = String::new();
    let call = lookup(number).expect("in the table");
    format_call(call, &all, result, &mut text).expect("writing to a string does not fail");
    text
}

#[test]
fn calls_look_familiar() {
    let at_fdcwd = -100i64 as u64;
    assert_eq!(
        format(257, &[at_fdcwd, 0x7ff0_1000, 0o2000101, 0o644], 3),
        "openat(AT_FDCWD, 0x7ff01000, O_WRONLY|O_CREAT|O_CLOEXEC, 0644) = 3"
    );
    assert_eq!(
        format(257, &[at_fdcwd, 0, 0, 0], -14),
        "openat(AT_FDCWD, NULL, O_RDONLY, 00) = -1 EFAULT"
    );
    assert_eq!(
        format(9, &[0, 4096, 3, 0x22, u64::MAX, 0], 0x7f00_0000_0000),
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000"
    );
    assert_eq!(
        format(8, &[3, -5i64 as u64, 1], 7),
        "lseek(3, -5, SEEK_CUR) = 7"
    );
    assert_eq!(format(62, &[1, 15], 0), "kill(1, SIGTERM) = 0");
    assert_eq!(
        format(41, &[1, 0o2000001, 0], 3),
        "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3"
    );
    assert_eq!(
        format(16, &[0, 0x5413, 0x1000], -25),
        "ioctl(0, TIOCGWINSZ, 0x1000) = -1 ENOTTY"
    );
    assert_eq!(format(72, &[0, 3], 2), "fcntl(0, F_GETFL, 0) = 2");
    assert_eq!(format(39, &[], 12), "getpid() = 12");
    assert_eq!(
        format(0, &[0, 4096, 1], -512),
        "read(0, 0x1000, 1) = -1 ERESTARTSYS"
    );
    assert_eq!(
        format(10, &[0x1000, 4096, 0], 0),
        "mprotect(0x1000, 4096, PROT_NONE) = 0"
    );
}

#[test]
fn every_call_can_be_printed() {
    for call in reenact_syscalls::all() {
        for args in [[0; 6], [u64::MAX; 6], [0x1234_5678_9abc_def0; 6]] {
            let mut text = String::new();
            format_call(call, &args, -38, &mut text).expect("writing to a string does not fail");
            assert!(text.ends_with(") = -1 ENOSYS"), "{text}");
        }
    }
}

#[test]
fn numbers_have_names() {
    assert_eq!(errno_name(2), Some("ENOENT"));
    assert_eq!(errno_name(133), Some("EHWPOISON"));
    assert_eq!(errno_name(0), None);
    assert_eq!(errno_name(-1), None);
    assert_eq!(signal_name(11), Some("SIGSEGV"));
    assert_eq!(signal_name(31), Some("SIGSYS"));
    assert_eq!(signal_name(34), Some("SIGRT_2"));
    assert_eq!(signal_name(65), None);
}
