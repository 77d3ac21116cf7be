//! What the program makes readable can be executed, too, where it has asked for that (`READ_IMPLIES_EXEC` of
//! `personality(2)`). The kernel adds the permission by itself, to mappings of ours as well; an `execve` of a 64-bit program
//! takes it away (arch/x86/kernel/process_64.c: set_personality_64bit).

use core::sync::atomic::{AtomicBool, Ordering};

use reenact_freestanding::numbers::{PROT_EXEC, PROT_READ};
use reenact_freestanding::syscall::syscall2;
use reenact_trace::event::flags;

use crate::call::Call;

const READ_IMPLIES_EXEC: u64 = 0x0040_0000;

/// It is so for memory that is mapped or protected from now on. A thread could have its own persona; none is known that does.
static IMPLIED: AtomicBool = AtomicBool::new(false);

/// `personality(persona)`. 0xffffffff only asks.
pub fn personality(call: &Call<'_>) -> i64 {
    let [persona, ..] = call.args;
    // SAFETY: the program asked for it, and it writes nothing.
    let result = unsafe { syscall2(call.number, persona, 0) };
    if result >= 0 && persona as u32 != u32::MAX {
        IMPLIED.store(persona & READ_IMPLIES_EXEC != 0, Ordering::Relaxed);
    }
    result
}

/// The protection that memory gets for which the program asks for `protection`; the event says if it is another one.
pub fn with_implied(call: &mut Call<'_>, protection: u64) -> u64 {
    let is_implied = protection & PROT_READ != 0 && IMPLIED.load(Ordering::Relaxed);
    if !is_implied {
        return protection;
    }
    call.event.header.flags |= flags::READ_EXECUTES;
    protection | PROT_EXEC
}
