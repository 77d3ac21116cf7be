//! The sandbox: from here on the process can read and write descriptors that are already open,
//! manage its own memory, fork and end. A trace may be somebody else's, and it runs somebody
//! else's program; a translator bug must not become that program's freedom.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall3, syscall6};

/// One BPF instruction.
#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    operand: u32,
}

#[repr(C)]
struct Program {
    length: u16,
    instructions: *const Instruction,
}

const LOAD_WORD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const KILL_PROCESS: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;
const ARCHITECTURE_X86_64: u32 = 0xc000_003e;

const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
const OFFSET_ARGUMENT_0: u32 = 16;

const SIGCHLD: u32 = 17;

/// Calls allowed with any arguments, the frequent ones first.
const ALLOWED: &[u64] = &[
    n::MPROTECT,
    n::MMAP,
    n::MUNMAP,
    n::PREAD64,
    n::WRITE,
    n::ARCH_PRCTL,
    n::RT_SIGRETURN,
    n::RT_SIGPROCMASK,
    n::MREMAP,
    n::MADVISE,
    n::FUTEX,
    n::MINCORE,
    // A futex with a deadline goes on by it when the process has been stopped and continued.
    n::RESTART_SYSCALL,
    n::CLOCK_GETTIME,
    n::READ,
    n::WAIT4,
    n::GETPID,
    n::RT_SIGACTION,
    n::SIGALTSTACK,
    n::EXIT_GROUP,
    n::EXIT,
];

/// Calls that only a server needs: to take requests with descriptors, to close these, and to give a
/// copy shared memory of its own.
const ALLOWED_TO_SERVERS: &[u64] = &[
    n::RECVMSG,
    n::CLOSE,
    n::MEMFD_CREATE,
    n::FTRUNCATE,
    n::LSEEK,
    n::PWRITE64,
];

const fn instruction(code: u16, jump_true: u8, jump_false: u8, operand: u32) -> Instruction {
    Instruction {
        code,
        jump_true,
        jump_false,
        operand,
    }
}

fn filter(serves: bool) -> Vec<Instruction> {
    let more: &[u64] = if serves { ALLOWED_TO_SERVERS } else { &[] };
    let calls = ALLOWED.len() + more.len();
    // Head (3), the allowed calls, fork (4), kill, allow.
    let length = 3 + calls + 4 + 2;
    let kill = length - 2;
    let allow = length - 1;
    let mut program = alloc::vec![instruction(RETURN, 0, 0, KILL_PROCESS); length];
    program[0] = instruction(LOAD_WORD, 0, 0, OFFSET_ARCHITECTURE);
    program[1] = instruction(JUMP_EQUAL, 0, (kill - 2) as u8, ARCHITECTURE_X86_64);
    program[2] = instruction(LOAD_WORD, 0, 0, OFFSET_NUMBER);
    for (index, &call) in ALLOWED.iter().chain(more).enumerate() {
        let at = 3 + index;
        program[at] = instruction(JUMP_EQUAL, (allow - at - 1) as u8, 0, call as u32);
    }
    // clone: as fork only.
    let at = 3 + calls;
    program[at] = instruction(JUMP_EQUAL, 0, (kill - at - 1) as u8, n::CLONE as u32);
    program[at + 1] = instruction(LOAD_WORD, 0, 0, OFFSET_ARGUMENT_0);
    program[at + 2] = instruction(
        JUMP_EQUAL,
        (allow - at - 3) as u8,
        (kill - at - 3) as u8,
        SIGCHLD,
    );
    program[at + 3] = instruction(RETURN, 0, 0, KILL_PROCESS);
    program[allow] = instruction(RETURN, 0, 0, ALLOW);
    program
}

/// Enter the sandbox; it holds for this process and all it forks.
///
/// # Arguments
/// * `serves` - whether requests come by a control socket.
pub fn enter(serves: bool) -> Result<(), &'static str> {
    const PR_SET_NO_NEW_PRIVS: u64 = 38;
    const SECCOMP_SET_MODE_FILTER: u64 = 1;
    let filter = filter(serves);
    let program = Program {
        length: filter.len() as u16,
        instructions: filter.as_ptr(),
    };
    // SAFETY: the kernel copies the filter; both calls only take rights away.
    unsafe {
        if syscall6(n::PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) != 0 {
            return Err("cannot enter the sandbox: PR_SET_NO_NEW_PRIVS is refused");
        }
        if syscall3(
            n::SECCOMP,
            SECCOMP_SET_MODE_FILTER,
            0,
            core::ptr::from_ref(&program) as u64,
        ) != 0
        {
            return Err("cannot enter the sandbox: the kernel refuses seccomp filters");
        }
    }
    Ok(())
}
