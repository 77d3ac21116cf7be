//! The table is complete and consistent.

use reenact_syscalls::{
    advice_effect, all, fcntl, futex_operation, ioctl, lookup, prctl, AdviceEffect, Class,
    FcntlDescriptors, FutexWait, IoctlOutput, Kind, Wait, LIMIT,
};

#[path = "../../../tests/rust/skips.rs"]
mod skips;

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
        // A header newer than the table knows more.
        if number < LIMIT as u64 {
            assert_eq!(lookup(number).expect("in the table").name, name);
        }
    }
}

/// What a row leaves out does not compile (`src/row_check.rs`); what follows from it is right.
#[test]
fn facts_follow_from_the_rows() {
    for call in all() {
        for (index, (_, kind)) in call.arguments.iter().enumerate() {
            let bit = |bits: u8| bits & 1 << index != 0;
            let is_descriptor = matches!(kind, Kind::Fd | Kind::DirFd);
            let is_address = matches!(kind, Kind::Path | Kind::Text | Kind::Pointer);
            assert_eq!(bit(call.facts.descriptors), is_descriptor, "{}", call.name);
            assert_eq!(bit(call.facts.addresses), is_address, "{}", call.name);
        }
    }
    let facts = |name: &str| all().find(|call| call.name == name).expect("a call").facts;
    assert!(facts("getpid").is_simple && !facts("getpid").has_consequences);
    assert!(facts("read").is_simple && !facts("recvmsg").is_simple);
    assert!(facts("write").has_consequences && facts("dup3").has_consequences);
    assert!(facts("ppoll").takes_signals && facts("rt_sigtimedwait").takes_signals);
    assert!(!facts("poll").takes_signals && !facts("io_uring_setup").is_simple);
    assert!(facts("unlink").is_answered && !facts("memfd_create").is_answered);
}

/// Whoever waits for something that another thread does gives up the turn, or says why not.
#[test]
fn calls_that_wait_for_others_say_how() {
    let waits = |name: &str| all().find(|call| call.name == name).expect("a call").wait;
    for name in [
        "msgsnd",
        "semop",
        "semtimedop",
        "mq_timedsend",
        "tee",
        "connect",
        "sendmsg",
        "sendto",
        "flock",
        "fsync",
        "futex_waitv",
        "futex_wait",
        "open",
        "openat",
        "close",
        "write",
        "pause",
    ] {
        assert_eq!(waits(name), Wait::Directly, "{name}");
    }
    for name in [
        "splice",
        "sendfile",
        "copy_file_range",
        "wait4",
        "waitid",
        "msgrcv",
        "mq_timedreceive",
        "poll",
        "select",
        "epoll_wait",
        "nanosleep",
        "sendmmsg",
    ] {
        assert_eq!(waits(name), Wait::Scratch, "{name}");
    }
    for name in ["read", "readv", "recvfrom", "recvmsg", "recvmmsg", "accept"] {
        assert!(matches!(waits(name), Wait::UntilReady(_)), "{name}");
    }
    assert!(fcntl(7).expect("F_SETLKW").may_block && fcntl(38).expect("F_OFD_SETLKW").may_block);
    assert!(!fcntl(6).expect("F_SETLK").may_block);
    assert!(ioctl(0x5403).expect("TCSETSW").may_block);
    let futex = |operation| futex_operation(operation).expect("an operation").wait;
    assert_eq!(futex(128), FutexWait::Directly);
    assert_eq!(futex(129), FutexWait::Never);
    assert_eq!(futex(6 | 128), FutexWait::PriorityLock);
    assert_eq!(futex(9 | 128 | 256), FutexWait::Directly);
    assert!(futex_operation(14).is_none());
}

#[test]
fn advice_has_an_effect_or_none() {
    assert_eq!(advice_effect(4), AdviceEffect::Discard);
    assert_eq!(advice_effect(8), AdviceEffect::DiscardBy(4));
    assert_eq!(advice_effect(3), AdviceEffect::None);
    assert_eq!(advice_effect(1 << 32 | 4), AdviceEffect::Discard);
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
        skips::note(skips::Reason::NoFile, path);
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
    assert_eq!(
        fcntl(1030).expect("F_DUPFD_CLOEXEC").descriptors,
        FcntlDescriptors::Duplicate {
            closes_on_exec: true
        }
    );
    assert_eq!(fcntl(777).expect_err("unknown").errno(), 22);
    assert_eq!(prctl(16).expect("PR_GET_NAME").name, "PR_GET_NAME");
    assert_eq!(prctl(22).expect("PR_SET_SECCOMP").name, "PR_SET_SECCOMP");
    assert_eq!(ioctl(0x5413).expect("TIOCGWINSZ").name, Some("TIOCGWINSZ"));
    let unknown = ioctl(0xdead_beef).expect("it is made");
    assert_eq!(unknown.output, IoctlOutput::Unknown);
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

#[test]
fn who_waits_for_a_time_says_how_long() {
    use reenact_syscalls::TimeLimit;
    let limit = |number, args| lookup(number).expect("in the table").time_limit_for(&args);
    assert_eq!(
        limit(7, [0, 1, 5, 0, 0, 0]),
        Some(TimeLimit::Milliseconds(2))
    );
    let sleep = Some(TimeLimit::Sleep { time: 2, left: 3 });
    assert_eq!(limit(230, [1, 0, 0x1000, 0, 0, 0]), sleep);
    // TIMER_ABSTIME
    assert_eq!(limit(230, [1, 1, 0x1000, 0, 0, 0]), None);
    // WAIT, WAIT_BITSET
    assert_eq!(
        limit(202, [0, 128, 0, 0x1000, 0, 0]),
        Some(TimeLimit::Time(3))
    );
    assert_eq!(limit(202, [0, 137, 0, 0x1000, 0, 0]), None);
    // The kernel leaves what is left where it was told the time.
    assert_eq!(limit(271, [0; 6]), None);
}
