//! `rt_sigreturn`: leave a handler of the program.

use reenact_interpose::extended_state::{self, ExtendedState, LEGACY_SIZE, XSAVE_MAX};
use reenact_interpose::frame::is_canonical;
use reenact_interpose::signal_frame;
use reenact_trace::EventKind;

use super::*;
use crate::guest;
use crate::log::Builder;
use crate::thread::Thread;

/// Perform `rt_sigreturn`: the frame is where the program's stack pointer says. False when it is
/// not readable: the kernel raises SIGSEGV. So it does for a frame that is not valid, but behind it: the general registers
/// and the mask are the frame's then (`restore_sigcontext` of arch/x86/kernel/signal_64.c).
#[inline(never)]
pub fn sigreturn(thread: &mut Thread) -> bool {
    let before = thread.frame.registers;
    let mut bytes = [0u8; signal_frame::READ_BACK];
    if !guest::read(before.rsp, &mut bytes) {
        return false;
    }
    let returned = signal_frame::read(&bytes, &before);
    let is_state_valid =
        returned.state_address == 0 || restore_vectors(thread, returned.state_address);
    // What cannot be loaded leaves the state that programs begin with (`fpu__restore_sig`).
    let state = if is_state_valid {
        returned.state_address
    } else {
        0
    };
    if state == 0 {
        extended_state::reset(&mut thread.frame, components());
    }
    thread.mask = returned.mask & !(bit(SIGKILL) | bit(SIGSTOP));
    set_kernel_mask(thread);
    held::release(thread);
    // The kernel restores the alternate stack's settings as well, ignoring errors.
    thread.alternate_stack.set(&returned.stack, before.rsp);

    thread.frame.registers = returned.registers;
    let mut event = Builder::new(EventKind::SignalReturn, 15);
    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.args[0] = state;
    event.registers(&returned.registers);
    event.commit();
    if !is_state_valid || returned.code_segment != signal_frame::CODE_SEGMENT {
        deliver::raise_by_kernel(thread);
    } else if !is_canonical(returned.registers.rip) {
        fault_at_nowhere(thread);
    }
    true
}

/// The processor cannot go on at such an address: the return from the kernel has faulted, which the kernel tells as the
/// program's own fault there (`fixup_bad_iret` and #GP).
#[cold]
fn fault_at_nowhere(thread: &mut Thread) {
    const GENERAL_PROTECTION: u64 = 13;
    thread.fault = deliver::raised_by_kernel();
    thread.fault_context = [0, GENERAL_PROTECTION, 0];
    let registers = thread.frame.registers;
    let mut event = Builder::new(EventKind::Fault, thread.fault.number as u16);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    event.signal_information(&thread.fault.info);
    event.commit();
    deliver::deliver_fault(thread);
}

/// Load the vector state from the frame.
#[inline(never)]
fn restore_vectors(thread: &mut Thread, at: u64) -> bool {
    let components = components();
    let mut area = ExtendedState([0; XSAVE_MAX]);
    if !guest::read(at, &mut area.0[..LEGACY_SIZE]) {
        return false;
    }
    match extended_state::length_in_frame(&area, components) {
        Some(length) if !guest::read(at, &mut area.0[..length]) => return false,
        Some(_) => {}
        None => extended_state::keep_legacy_only(&mut area),
    }
    extended_state::load(&mut thread.frame, components, &area)
}
