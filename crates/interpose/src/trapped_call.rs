//! A system call that the kernel has trapped (SIGSYS): by which way the program has made it. One by the page at which kernels
//! once had functions for all programs is answered by the kernel itself, as if the function were there
//! (arch/x86/entry/vsyscall/vsyscall_64.c). Trapped, the function has returned already, without any result.

use crate::frame::{Frame, Origin};
use crate::user_context::{UserContext, RIP, RSP};

/// Where the page is, and how far apart its functions are.
const VSYSCALL_PAGE: u64 = 0xffff_ffff_ff60_0000;
const VSYSCALL_DISTANCE: u64 = 1024;
const PAGE: u64 = 4096;

/// Whether an address lies in that page.
pub fn is_in_vsyscall_page(address: u64) -> bool {
    (VSYSCALL_PAGE..VSYSCALL_PAGE + PAGE).contains(&address)
}

/// Let the program that has made the call come in when the handler returns. `info`: the signal's.
pub fn redirect(context: &mut UserContext, frame: &mut Frame, info: &[u64]) {
    let origin = way(info);
    if origin == Origin::Vsyscall {
        // Back to where the function is called.
        context.general[RIP] = address(info);
        context.general[RSP] = context.general[RSP].wrapping_sub(8);
    }
    context.redirect(frame, origin);
}

/// Address behind the call, or of the function.
fn address(info: &[u64]) -> u64 {
    info.get(2).copied().unwrap_or_default()
}

/// (The call of an `int 0x80` may be displaced by a signal of our own, too; nothing tells it from a branch behind it.)
fn way(info: &[u64]) -> Origin {
    /// `AUDIT_ARCH_I386` (include/uapi/linux/audit.h).
    const I386: u64 = 0x4000_0003;
    // The call's number, and its architecture.
    let architecture = info.get(3).map_or(0, |word| word >> 32);
    let address = address(info);
    if architecture == I386 {
        Origin::Int80
    } else if is_in_vsyscall_page(address) && address.is_multiple_of(VSYSCALL_DISTANCE) {
        Origin::Vsyscall
    } else {
        Origin::Trap
    }
}
