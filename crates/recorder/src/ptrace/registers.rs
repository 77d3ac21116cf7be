//! A thread's registers as its tracer sees them: `struct user_regs_struct` and the state of vector registers.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;
use reenact_interpose::extended_state::{self, ExtendedState, XSAVE_MAX};
use reenact_trace::Registers;

use crate::segment_bases::whole;
use crate::signal::components;
use crate::thread::Thread;

/// Words of `struct user_regs_struct` (arch/x86/include/asm/user_64.h).
pub const WORDS: usize = 27;
/// Places in it.
pub const RAX: usize = 10;
pub const ORIG_RAX: usize = 15;
const CS: u64 = 0x33;
const SS: u64 = 0x2b;
/// `struct user_fpregs_struct`, and the legacy part of an XSAVE area.
pub const LEGACY: usize = extended_state::LEGACY_SIZE;
/// Where the kernel says in an XSAVE area which components there can be (XCR0).
const FEATURES_AT: usize = 464;

const ARCH_SET_GS: u64 = 0x1001;
/// Flags that a tracer can set (FLAG_MASK of arch/x86/kernel/ptrace.c), but for the trap flag, which is ours.
const SETTABLE: u64 = 0x5_4cd5;
const TRAP_FLAG: u64 = 0x100;
const RESUME_FLAG: u64 = 1 << 16;

/// What the registers show of a system call the thread is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Number of the call; -1: it is in none.
    pub number: i64,
    /// The result so far; `None`: what is in the register.
    pub result: Option<u64>,
}

impl Shown {
    pub const fn no_call() -> Shown {
        Shown {
            number: -1,
            result: None,
        }
    }
}

/// The registers of the calling thread.
pub fn read(thread: &Thread, shown: Shown) -> [u64; WORDS] {
    let r = whole(thread);
    let rax = shown.result.unwrap_or(r.rax);
    let flags = r.rflags & !(TRAP_FLAG | RESUME_FLAG);
    [
        r.r15,
        r.r14,
        r.r13,
        r.r12,
        r.rbp,
        r.rbx,
        r.r11,
        r.r10,
        r.r9,
        r.r8,
        rax,
        r.rcx,
        r.rdx,
        r.rsi,
        r.rdi,
        shown.number as u64,
        r.rip,
        CS,
        flags,
        r.rsp,
        SS,
        r.fs_base,
        r.gs_base,
        0,
        0,
        0,
        0,
    ]
}

/// Set the registers of the calling thread; false where the kernel refuses a value.
pub fn write(thread: &mut Thread, words: &[u64; WORDS], shown: &mut Shown) -> bool {
    const MOST: u64 = 0x7fff_ffff_f000;
    let [r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, number, rip, cs, flags, rsp, ss, fs_base, gs_base, ..] =
        *words;
    if (cs, ss) != (CS, SS) || fs_base >= MOST || gs_base >= MOST {
        return false;
    }
    let old = whole(thread);
    let rax = match shown.result {
        Some(ref mut result) => {
            *result = rax;
            old.rax
        }
        None => rax,
    };
    shown.number = i64::from(number as i32);
    let rflags = old.rflags & !SETTABLE | flags & SETTABLE;
    thread.frame.registers = Registers {
        rax,
        rcx,
        rdx,
        rbx,
        rsp,
        rbp,
        rsi,
        rdi,
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14,
        r15,
        rip,
        rflags,
        ..old
    };
    for (new, old, set) in [
        (fs_base, old.fs_base, ARCH_SET_FS),
        (gs_base, old.gs_base, ARCH_SET_GS),
    ] {
        if new != old {
            // SAFETY: the program's segment, of which the recorder makes no use.
            unsafe { syscall2(ARCH_PRCTL, set, new) };
        }
    }
    true
}

/// The XSAVE area of the calling thread, as the kernel tells it, and its length.
pub fn read_vectors(thread: &Thread, area: &mut ExtendedState) -> usize {
    let components = components();
    extended_state::save(&thread.frame, components, area);
    // What is not in use tells its initial values (copy_xstate_to_uabi_buf).
    area.0[FEATURES_AT..FEATURES_AT + 48].fill(0);
    area.0[FEATURES_AT..FEATURES_AT + 8].copy_from_slice(&components.features.to_le_bytes());
    components.size as usize
}

/// Set it, as far as it is given; false where it is not valid.
pub fn write_vectors(thread: &mut Thread, bytes: &[u8]) -> bool {
    let mut area = ExtendedState([0; XSAVE_MAX]);
    let length = read_vectors(thread, &mut area);
    let count = bytes.len().min(length);
    area.0[..count].copy_from_slice(&bytes[..count]);
    if count == LEGACY {
        // Both parts of it are in use.
        area.0[LEGACY] |= 3;
    }
    extended_state::load(&mut thread.frame, components(), &area)
}
