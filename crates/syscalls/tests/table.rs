//! The table is complete and consistent.

use reenact_syscalls::{all, fcntl, ioctl, lookup, prctl, Class, Descriptors, Kind, Output, LIMIT};

/// Numbers between the last of the old series and the first shared with all architectures.
const GAP: std::ops::RangeInclusive<u64> = 337..=423;

#[test]
fn every_number_has_an_entry() {
    for number in 0..LIMIT as u64 {
        match lookup(number) {
            Some(call) => assert_eq!(u64::from(call.number), number),
            None => assert!(GAP.contains(&number), "{number} is missing"),
        }
    }
    assert!(lookup(GAP.start().wrapping_add(1)).is_none());
    for number in [470, 512, 1 << 30, (1 << 30) | 1, u64::MAX] {
        assert!(lookup(number).is_none(), "{number}");
    }
    assert_eq!(all().count(), 470 - 87);
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = all().map(|call| call.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn well_known_numbers_have_their_names() {
    for (number, name) in [
        (0, "read"),
        (9, "mmap"),
        (59, "execve"),
        (202, "futex"),
        (231, "exit_group"),
        (257, "openat"),
        (302, "prlimit64"),
        (334, "rseq"),
        (424, "pidfd_send_signal"),
        (435, "clone3"),
        (462, "mseal"),
        (469, "file_setattr"),
    ] {
        assert_eq!(lookup(number).expect("in the table").name, name);
    }
}

#[test]
fn outputs_are_pointers() {
    for call in all() {
        let is_pointer = |at: u8| {
            let kind = call.arguments.get(usize::from(at)).map(|(_, kind)| kind);
            assert!(
                matches!(kind, Some(Kind::Pointer | Kind::Path)),
                "{} argument {at}",
                call.name
            );
        };
        for output in call.outputs {
            match *output {
                Output::Fixed { pointer, .. }
                | Output::Counted { pointer, .. }
                | Output::Result { pointer, .. }
                | Output::Vector { pointer, .. } => is_pointer(pointer),
                Output::ValueResult {
                    pointer, length, ..
                } => {
                    is_pointer(pointer);
                    is_pointer(length);
                }
                Output::Rule(_) => {}
            }
        }
        if let Descriptors::Pair(at) = call.descriptors {
            is_pointer(at);
        }
    }
}

#[test]
fn reasons_and_errors_are_given() {
    for call in all() {
        if let Class::Declined(errno, reason) | Class::Refused(errno, reason) = call.class {
            assert!(
                reenact_syscalls::errno_name(errno).is_some(),
                "{}",
                call.name
            );
            assert!(reason.len() > 10, "{}", call.name);
        }
    }
}

/// The names the C library knows, if a header is installed.
#[test]
fn numbers_agree_with_the_header() {
    let path = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
    let Ok(header) = std::fs::read_to_string(path) else {
        return;
    };
    for line in header.lines() {
        let mut words = line.split_whitespace();
        let (Some("#define"), Some(name), Some(number)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (Some(name), Ok(number)) = (name.strip_prefix("__NR_"), number.parse()) else {
            continue;
        };
        assert_eq!(lookup(number).expect("in the table").name, name);
    }
}

#[test]
fn commands_are_known_or_refused() {
    assert!(fcntl(1030).expect("F_DUPFD_CLOEXEC").makes_descriptor);
    assert_eq!(fcntl(777).expect_err("unknown").errno(), 22);
    assert_eq!(prctl(16).expect("PR_GET_NAME").name, "PR_GET_NAME");
    assert!(prctl(22).expect_err("PR_SET_SECCOMP").is_declined());
    assert_eq!(ioctl(0x5413).expect("TIOCGWINSZ").name, Some("TIOCGWINSZ"));
    let unknown = ioctl(0xdead_beef).expect_err("unknown");
    assert_eq!(
        unknown.to_string(),
        "ioctl 0xdeadbeef: not supported: it is not known what this request writes"
    );
    // EVIOCGVERSION: well formed, of an honest type.
    assert!(ioctl(0x8004_4501).is_ok());
}

#[test]
fn waits_with_a_timeout_are_not_repeated() {
    use reenact_syscalls::Restart;
    let futex = lookup(202).expect("in the table");
    assert_eq!(futex.restart_for(&[0, 128, 0, 0, 0, 0]), Restart::WithFlag);
    assert_eq!(
        futex.restart_for(&[0, 128, 0, 0x1000, 0, 0]),
        Restart::Block
    );
    assert_eq!(futex.restart_for(&[0, 129, 0, 5, 0, 0]), Restart::WithFlag);
    let read = lookup(0).expect("in the table");
    assert_eq!(read.restart_for(&[0, 0, 0, 1, 0, 0]), Restart::WithFlag);
}
