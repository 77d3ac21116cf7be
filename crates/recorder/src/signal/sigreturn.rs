//! `rt_sigreturn`: leave a handler of the program.

use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::extended_state::{self, ExtendedState, LEGACY_SIZE, XSAVE_MAX};
use reenact_interpose::signal_frame;
use reenact_trace::EventKind;

use super::*;
use crate::guest;
use crate::log::Builder;
use crate::thread::Thread;

/// Perform `rt_sigreturn`: the frame is where the program's stack pointer says. False when it is
/// not readable or not valid: the kernel would raise SIGSEGV.
#[inline(never)]
pub fn sigreturn(thread: &mut Thread) -> bool {
    let before = thread.frame.registers;
    let mut bytes = [0u8; signal_frame::READ_BACK];
    if !guest::read(before.rsp, &mut bytes) {
        return false;
    }
    let returned = signal_frame::read(&bytes, &before);
    let state = returned.state_address;
    if state == 0 {
        extended_state::reset(&mut thread.frame, components());
    } else if !restore_vectors(thread, state) {
        return false;
    }
    thread.mask = returned.mask & !(bit(SIGKILL) | bit(SIGSTOP));
    set_kernel_mask(thread);
    held::release(thread);
    // The kernel restores the alternate stack's settings as well, ignoring errors.
    const ON_STACK: u64 = 1;
    let stack = AlternateStack {
        flags: returned.stack.flags & !ON_STACK,
        ..returned.stack
    };
    thread.alternate_stack.set(&stack, before.rsp);

    thread.frame.registers = returned.registers;
    let mut event = Builder::new(EventKind::SignalReturn, 15);
    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.args[0] = state;
    event.registers(&returned.registers);
    event.commit();
    true
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
