//! The page at which kernels once had functions for all programs, which old static programs still call. It is in nobody's
//! memory: the kernel answers the fault. Where calls were caught by a filter the log has it, as a call of a function of the
//! vDSO; dispatch does not see it.

use reenact_freestanding::numbers::ENOSYS;
use reenact_trace::event::flags;
use reenact_trace::EventKind;

use crate::feed::Group;
use crate::machine::Machine;

pub use reenact_interpose::trapped_call::is_in_vsyscall_page as contains;

/// The program has come to a function there: whether the log has that call next.
pub fn is_called(machine: &Machine, group: &Group<'_>) -> bool {
    let header = &group.event.header;
    let is_call = group.event.kind == EventKind::Syscall && header.flags & flags::VDSO != 0;
    is_call && header.ip == machine.registers().rip
}

/// The log has a fault there. Where it has been found by a call, that has taken the place of what was in `rax`, and the kernel
/// has said then that there is no such call.
pub fn faults(machine: &mut Machine, group: &Group<'_>) {
    if { group.event.header.register_checksum } == 0 {
        machine.registers_mut().rax = -ENOSYS as u64;
    }
}
