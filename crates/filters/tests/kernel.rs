//! Random programs, valid and not, beside the kernel's own: it takes the same ones, and they answer the same.

mod programs;

use programs::{Random, ARCHITECTURE};
use reenact_filters::{always_allows, check, run, Action, CallData, Instruction, Invalid};

/// Set by a child's handler of SIGSYS.
static mut TRAPPED: i32 = -1;

extern "C" fn on_trap(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel's siginfo.
    unsafe { TRAPPED = (*info).si_errno };
}

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Ask the kernel; 0 or its errno.
fn install(program: &[Instruction]) -> i32 {
    let given = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel copies the program.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        match libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const given,
            0,
            0,
        ) {
            0 => 0,
            _ => last_error(),
        }
    }
}

/// Run in a child; its wait status.
fn in_child(child: impl FnOnce() -> i32) -> i32 {
    let mut status = 0;
    // SAFETY: the child does nothing but calls and ends; the parent waits for it.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            let no_core = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
            libc::_exit(child());
        }
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
    }
    status
}

fn are_filters_allowed() -> bool {
    let allow = Instruction {
        code: 6,
        value: Action::ALLOW,
        ..Instruction::default()
    };
    in_child(|| install(&[allow])) == 0
}

#[test]
fn the_kernel_refuses_the_same_programs() {
    if !are_filters_allowed() {
        return;
    }
    let mut random = Random::new(0x5eed_f117_e125);
    let (mut valid, mut invalid) = (0, Vec::new());
    for _ in 0..6000 {
        let program = random.doubtful_program();
        match check(&program) {
            // Whether the child survives what it has installed does not matter.
            Ok(()) if valid < 300 => {
                valid += 1;
                let status = in_child(|| if install(&program) == 0 { 0 } else { 77 });
                let is_refused = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 77;
                assert!(!is_refused, "only the kernel refuses {program:?}");
            }
            Ok(()) => {}
            Err(_) => invalid.push(program),
        }
    }
    assert!(
        valid > 100 && invalid.len() > 1000,
        "{valid} and {}",
        invalid.len()
    );
    for part in invalid.chunks(250) {
        let wrong = in_child(|| {
            let first = part
                .iter()
                .position(|program| install(program) != libc::EINVAL);
            first.map_or(0, |index| index as i32 + 1)
        });
        assert!(
            libc::WIFEXITED(wrong) && libc::WEXITSTATUS(wrong) == 0,
            "the kernel takes {:?}, or what was taken before it",
            part.get(libc::WEXITSTATUS(wrong) as usize - 1)
        );
    }
}

#[test]
fn the_same_calls_are_allowed() {
    if !are_filters_allowed() {
        return;
    }
    let mut random = Random::new(0x00ca_110f_5eed);
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..700 {
        let program = random.sound_program();
        assert_eq!(check(&program), Ok(()), "{program:?}");
        let (number, args) = random.call();
        let data = CallData {
            number: number as i32,
            architecture: ARCHITECTURE,
            // No program looks at it: where the C library makes the call is not known here.
            instruction_pointer: 0,
            args,
        };
        let expected = Action::of(run(&program, &data));
        let status = in_child(|| make_call(&program, number, &args, expected));
        let is_killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS;
        let (name, is_right) = match expected {
            Action::KillProcess | Action::KillThread => ("kill", is_killed),
            _ => (
                "live",
                libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
            ),
        };
        assert!(
            is_right,
            "{expected:?} expected for {data:?}, status {status:#x}: {program:?}"
        );
        *seen.entry(name).or_default() += 1;
    }
    assert!(seen.values().all(|&count| count > 20), "{seen:?}");
}

/// Install the program, make the call, compare; 0 if all is as expected.
fn make_call(program: &[Instruction], number: i64, args: &[u64; 6], expected: Action) -> i32 {
    // SAFETY: calls that look at none of their arguments; what this child does is its own affair.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = on_trap as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, core::ptr::null_mut());
        if install(program) != 0 {
            return 1;
        }
        let [a, b, c, d, e, f] = *args;
        let result = libc::syscall(number, a, b, c, d, e, f);
        let error = if result == -1 { last_error() } else { 0 };
        let is_right = match expected {
            Action::Trap(data) => TRAPPED == i32::from(data),
            Action::Errno(0) => result == 0,
            Action::Errno(errno) => result == -1 && error == i32::from(errno),
            // Without a tracer, and without somebody who listens.
            Action::Trace(_) | Action::Notify => result == -1 && error == libc::ENOSYS,
            Action::Log | Action::Allow => result > 0 && TRAPPED == -1,
            Action::KillProcess | Action::KillThread => false,
        };
        i32::from(!is_right) * 2
    }
}

#[test]
fn what_is_always_allowed_is_allowed_with_any_arguments() {
    let mut random = Random::new(0x00a1_1ca1_1e5e);
    let mut known = 0;
    for _ in 0..5000 {
        let program = random.deciding_program();
        let (number, _) = random.call();
        if !always_allows(&program, number as i32, ARCHITECTURE) {
            continue;
        }
        known += 1;
        for _ in 0..20 {
            let (_, args) = random.call();
            let data = CallData {
                number: number as i32,
                architecture: ARCHITECTURE,
                instruction_pointer: args[0] ^ args[5] << 9,
                args,
            };
            assert_eq!(run(&program, &data), Action::ALLOW, "{program:?}");
        }
    }
    assert!(known > 100, "{known}");
}

#[test]
fn every_action_is_known_to_the_kernel() {
    for action in (0..=0xffff_u32)
        .map(|high| high << 16)
        .chain([1, 0x7fff_0001])
    {
        // SAFETY: the kernel reads a word.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, 2, 0, &raw const action) };
        if result == -1 && last_error() != libc::EOPNOTSUPP {
            return; // It cannot be asked here.
        }
        assert_eq!(result == 0, Action::is_known(action), "{action:#x}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let ends = Instruction {
        code: 6,
        ..Instruction::default()
    };
    let one = |code, value| Instruction {
        code,
        value,
        ..Instruction::default()
    };
    assert_eq!(check(&[]), Err(Invalid::Length(0)));
    assert_eq!(check(&[ends; 4097]), Err(Invalid::Length(4097)));
    assert_eq!(check(&[ends; 4096]), Ok(()));
    assert_eq!(check(&[one(0x20, 64), ends]), Err(Invalid::Offset(0)));
    assert_eq!(check(&[one(0x20, 2), ends]), Err(Invalid::Offset(0)));
    assert_eq!(check(&[one(0x60, 3), ends]), Err(Invalid::Cell(0)));
    assert_eq!(check(&[one(0x34, 0), ends]), Err(Invalid::Operand(0)));
    assert_eq!(check(&[one(0x94, 3), ends]), Err(Invalid::Code(0)));
    assert_eq!(check(&[one(0x05, 1), ends]), Err(Invalid::Jump(0)));
    assert_eq!(check(&[ends, one(0x07, 0)]), Err(Invalid::End));
}
