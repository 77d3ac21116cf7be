//! The way to catch system calls where the kernel has no Syscall User Dispatch: a seccomp filter
//! that traps every call whose instruction is outside the reserved region.
//!
//! Filters are inherited by fork and exec and cannot be removed, so it is installed once, by the
//! first image; later images find it in place. The kernel requires `no_new_privs` with it.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall5};
use reenact_trace::layout::{REGION_END, REGION_START};

#[repr(C)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    value: u32,
}

const LOAD_WORD: u16 = 0x20;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const TRAP: u32 = 0x0003_0000;
/// Offset of the high half of `instruction_pointer` in `struct seccomp_data`.
const POINTER_HIGH: u32 = 12;

const fn instruction(code: u16, jump_true: u8, jump_false: u8, value: u32) -> Instruction {
    Instruction {
        code,
        jump_true,
        jump_false,
        value,
    }
}

// The region is a whole number of 4 GiB units, so the high half decides.
const _: () = assert!(REGION_START & 0xffff_ffff == 0 && REGION_END & 0xffff_ffff == 0);

static FILTER: [Instruction; 5] = [
    instruction(LOAD_WORD, 0, 0, POINTER_HIGH),
    instruction(JUMP_GREATER_EQUAL, 0, 2, (REGION_START >> 32) as u32),
    instruction(JUMP_GREATER_EQUAL, 1, 0, (REGION_END >> 32) as u32),
    instruction(RETURN, 0, 0, ALLOW),
    instruction(RETURN, 0, 0, TRAP),
];

/// Install the filter unless an earlier image or the parent has. 0 or -errno.
pub fn install() -> i64 {
    const PR_GET_SECCOMP: u64 = 21;
    const PR_SET_SECCOMP: u64 = 22;
    const PR_SET_NO_NEW_PRIVS: u64 = 38;
    const MODE_FILTER: u64 = 2;
    // SAFETY: asks for, then sets, the mode of this process; the program is two words.
    unsafe {
        if syscall2(PRCTL, PR_GET_SECCOMP, 0) == MODE_FILTER as i64 && installed() {
            return 0;
        }
        syscall5(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        let program = [FILTER.len() as u64, FILTER.as_ptr() as u64];
        let result = syscall5(
            PRCTL,
            PR_SET_SECCOMP,
            MODE_FILTER,
            program.as_ptr() as u64,
            0,
            0,
        );
        if result == 0 {
            mark_installed();
        }
        result
    }
}

/// Whether the filter in place is ours: the first image says so in the arena, which later
/// images of the same recording see.
fn installed() -> bool {
    crate::arena::header()
        .filter_installed
        .load(Ordering::Relaxed)
        == 1
}

fn mark_installed() {
    crate::arena::header()
        .filter_installed
        .store(1, Ordering::Relaxed);
}
