//! Branches that fault because what they lead to is no address at all: as after a smashed stack. The processor says so at the
//! branch, before it has changed a register; translated code would find it at the target. So the replay looks at the
//! branch at which the log has such a fault, each time before it is executed.

use reenact_freestanding::numbers;
use reenact_trace::{EventKind, Tag};
use reenact_translator::indirect;

use crate::feed::Group;
use crate::machine::Machine;

/// `si_code` of a fault that is not about a page: here a general protection exception.
const SI_KERNEL: i32 = 128;
/// Offset of `si_code` in `siginfo_t`.
const CODE_OFFSET: usize = 8;

/// When the next event is a fault of a branch, have execution stop there.
pub fn arm(machine: &mut Machine, group: &Group<'_>) -> Option<u64> {
    let address = group.event.header.ip;
    if !is_general(group) || machine.waits_at(address) || !is_branch(machine, address) {
        return None;
    }
    if !machine.has_hook(address) {
        machine.translator.add_hook(address);
    }
    machine.set_searched(Some(address));
    Some(address)
}

/// It need not stop there any more.
pub fn disarm(machine: &mut Machine, armed: Option<u64>) {
    let Some(address) = armed else {
        return;
    };
    machine.set_searched(None);
    if !machine.has_hook(address) {
        machine.translator.remove_hook(address);
    }
}

/// Whether the machine has come to the branch that the log has a fault of.
pub fn is_at(machine: &Machine, group: &Group<'_>) -> bool {
    let address = machine.registers().rip;
    address == group.event.header.ip && is_general(group) && is_branch(machine, address)
}

/// Whether the branch at hand faults.
pub fn faults(machine: &Machine) -> bool {
    indirect::leads_nowhere(machine.registers(), |address, into| {
        machine.memory.read_original(address, into).is_ok()
    })
}

fn is_branch(machine: &Machine, address: u64) -> bool {
    indirect::is_indirect_branch(address, |address, into| {
        machine.memory.read_original(address, into).is_ok()
    })
}

fn is_general(group: &Group<'_>) -> bool {
    let header = &group.event.header;
    if group.event.kind != EventKind::Fault || u32::from(header.code) != numbers::SIGSEGV {
        return false;
    }
    let info = group.find(Tag::SignalInfo);
    let code = info.and_then(|info| info.payload.get(CODE_OFFSET..CODE_OFFSET + 4));
    let code = code.and_then(|code| code.try_into().ok());
    code.map(i32::from_le_bytes) == Some(SI_KERNEL)
}
