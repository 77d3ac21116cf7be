//! Arming the kernel so that every system call outside a region of ours traps (SIGSYS).
//!
//! Two ways: Syscall User Dispatch, which fork, clone and exec switch off; and, where the kernel has
//! none, a seccomp filter that looks at the same address. A filter is inherited by fork and exec and
//! cannot be removed, so it is installed once for a tree of processes. The kernel requires
//! `no_new_privs` with it.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::PRCTL;
use reenact_freestanding::syscall::{syscall2, syscall5};

/// Addresses whose system calls do not trap.
#[derive(Clone, Copy)]
pub struct Region {
    pub start: u64,
    pub end: u64,
}

/// Switch Syscall User Dispatch on for the calling thread. 0 or -errno.
pub fn dispatch(region: Region) -> i64 {
    const ON: u64 = 1;
    let length = region.end - region.start;
    // SAFETY: from here on the program's calls raise SIGSYS, which the linking program handles.
    unsafe {
        syscall5(
            PRCTL,
            numbers::PR_SET_SYSCALL_USER_DISPATCH,
            ON,
            region.start,
            length,
            0,
        )
    }
}

/// Switch it off for the calling thread.
pub fn end_dispatch() {
    const OFF: u64 = 0;
    // SAFETY: from here on the kernel performs the program's calls.
    unsafe { syscall5(PRCTL, numbers::PR_SET_SYSCALL_USER_DISPATCH, OFF, 0, 0, 0) };
}

/// `struct sock_filter`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    value: u32,
}

const LOAD_WORD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const TRAP: u32 = 0x0003_0000;
/// Offsets of `arch` and of the high half of `instruction_pointer` in `struct seccomp_data`.
const ARCHITECTURE: u32 = 4;
const POINTER_HIGH: u32 = 12;
/// `AUDIT_ARCH_I386` (include/uapi/linux/audit.h).
const I386: u32 = 0x4000_0003;

const fn instruction(code: u16, jump_true: u8, jump_false: u8, value: u32) -> Instruction {
    Instruction {
        code,
        jump_true,
        jump_false,
        value,
    }
}

/// The filter for a region that is a whole number of 4 GiB units, so that the high half of an address
/// decides. Calls of 32-bit programs pass: those have no room for whoever would handle a trap. So do calls by `int 0x80` from
/// addresses below 4 GiB of a 64-bit program, which the kernel does not tell from them.
const fn filter(region: Region) -> [Instruction; 9] {
    assert!(region.start & 0xffff_ffff == 0 && region.end & 0xffff_ffff == 0);
    [
        instruction(LOAD_WORD, 0, 0, ARCHITECTURE),
        instruction(JUMP_EQUAL, 0, 2, I386),
        instruction(LOAD_WORD, 0, 0, POINTER_HIGH),
        instruction(JUMP_EQUAL, 3, 0, 0),
        instruction(LOAD_WORD, 0, 0, POINTER_HIGH),
        instruction(JUMP_GREATER_EQUAL, 0, 2, (region.start >> 32) as u32),
        instruction(JUMP_GREATER_EQUAL, 1, 0, (region.end >> 32) as u32),
        instruction(RETURN, 0, 0, ALLOW),
        instruction(RETURN, 0, 0, TRAP),
    ]
}

/// Whether the calling thread has a seccomp filter, whosever it is.
pub fn has_filter() -> bool {
    const MODE_FILTER: i64 = 2;
    // SAFETY: asks for the mode.
    unsafe { syscall2(PRCTL, numbers::PR_GET_SECCOMP, 0) == MODE_FILTER }
}

/// Install the filter. 0 or -errno.
pub fn install_filter(region: Region) -> i64 {
    const MODE_FILTER: u64 = 2;
    let filter = filter(region);
    let program = [filter.len() as u64, filter.as_ptr() as u64];
    // SAFETY: the kernel copies the program, two words and what they name.
    unsafe {
        syscall5(PRCTL, numbers::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        syscall5(
            PRCTL,
            numbers::PR_SET_SECCOMP,
            MODE_FILTER,
            program.as_ptr() as u64,
            0,
            0,
        )
    }
}
