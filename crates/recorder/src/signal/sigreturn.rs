//! `rt_sigreturn`: leave a handler of the program.

use reenact_trace::EventKind;

use super::frame::{self, ExtendedState, MAGIC1, SOFTWARE_BYTES, XSAVE_MAX};
use super::*;
use crate::guest;
use crate::log::Builder;
use crate::thread::Thread;

/// Flags that a frame may change (arch/x86/kernel/signal_64.c: FIX_EFLAGS).
const FIX_FLAGS: u64 = 0x5_0dd5;

/// Perform `rt_sigreturn`: the frame is where the program's stack pointer says. False when it is
/// not readable or not valid: the kernel would raise SIGSEGV.
#[inline(never)]
pub fn sigreturn(thread: &mut Thread) -> bool {
    let before = thread.frame.registers;
    // rsp points behind the return address, which the handler's `ret` has consumed.
    let context_at = before.rsp;
    let mut words = [0u64; 38];
    // SAFETY: plain words as bytes.
    let bytes = unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 38 * 8) };
    if !guest::read(context_at, bytes) {
        return false;
    }
    let general = &words[5..23];
    let fpstate = words[28];
    let mut after = before;
    let r = &mut after;
    (r.r8, r.r9, r.r10, r.r11) = (general[0], general[1], general[2], general[3]);
    (r.r12, r.r13, r.r14, r.r15) = (general[4], general[5], general[6], general[7]);
    (r.rdi, r.rsi, r.rbp, r.rbx) = (general[8], general[9], general[10], general[11]);
    (r.rdx, r.rax, r.rcx, r.rsp) = (general[12], general[13], general[14], general[15]);
    r.rip = general[16];
    r.rflags = (before.rflags & !FIX_FLAGS) | (general[17] & FIX_FLAGS);

    if fpstate == 0 {
        frame::reset(&mut thread.frame);
    } else if !restore_vectors(thread, fpstate) {
        return false;
    }
    thread.mask = words[37] & !(bit(SIGKILL) | bit(SIGSTOP));
    set_kernel_mask(thread);
    held::release(thread);
    // The kernel restores the alternate stack's settings as well, ignoring errors.
    let stack = [words[2], words[3] & !1, words[4]];
    alternate_stack::set(thread, &stack, before.rsp);

    thread.frame.registers = after;
    thread.frame.resume_at = crate::patch::resume_address(after.rip);
    let mut event = Builder::new(EventKind::SignalReturn, 15);
    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.args[0] = fpstate;
    event.registers(&after);
    event.commit();
    true
}

/// Load the vector state from the frame; without the magic number only the legacy part.
#[inline(never)]
fn restore_vectors(thread: &mut Thread, at: u64) -> bool {
    let (features, xsave_size) = frame::extended_state();
    let mut area = ExtendedState([0; XSAVE_MAX]);
    if !guest::read(at, &mut area.0[..512]) {
        return false;
    }
    let software = SOFTWARE_BYTES as usize;
    let word = |offset: usize| {
        let mut bytes = [0u8; 4];
        bytes.copy_from_slice(&area.0[software + offset..software + offset + 4]);
        u32::from_le_bytes(bytes)
    };
    if word(0) == MAGIC1 && word(16) as usize <= XSAVE_MAX {
        let wanted = u64::from(word(8)) | u64::from(word(12)) << 32;
        let size = (xsave_size as usize).min(word(16) as usize);
        if !guest::read(at, &mut area.0[..size]) {
            return false;
        }
        let _ = wanted;
        return frame::load(&mut thread.frame, &area, features);
    }
    // Legacy frame: x87 and SSE from it, everything else initial.
    area.0[512..520].copy_from_slice(&3u64.to_le_bytes());
    frame::load(&mut thread.frame, &area, features)
}
