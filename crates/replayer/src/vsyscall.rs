//! The page at which kernels once had functions for all programs, which old static programs still call. It is in nobody's
//! memory: the kernel answers the fault. Where calls were caught by a filter the recorder has seen it as a call of its
//! caller's, and the log has it; dispatch does not see it.

use reenact_freestanding::numbers as n;
use reenact_trace::EventKind;

use crate::feed::Group;
use crate::machine::Machine;

const PAGE: u64 = 0xffff_ffff_ff60_0000;
/// The functions are so far apart (arch/x86/entry/vsyscall/vsyscall_64.c).
const DISTANCE: u64 = 1024;
const SYSCALL_LENGTH: u64 = 2;
const CALLS: [u64; 3] = [n::GETTIMEOFDAY, n::TIME, n::GETCPU];

/// Whether an address lies in it.
pub fn contains(address: u64) -> bool {
    (PAGE..PAGE + 4096).contains(&address)
}

/// The program has faulted there: whether the log has that call next. If so it stands as behind a trapped call then: the
/// function has returned, its number is in the place of the result.
pub fn is_called(machine: &mut Machine, group: &Group<'_>) -> bool {
    let registers = machine.registers();
    let (ip, stack) = (registers.rip, registers.rsp);
    if !contains(ip) || !ip.is_multiple_of(DISTANCE) || group.event.kind != EventKind::Syscall {
        return false;
    }
    let header = &group.event.header;
    let number = CALLS.get(((ip - PAGE) / DISTANCE) as usize).copied();
    let caller = machine.memory.read_u64(stack).ok();
    if number != Some(u64::from(header.code)) || caller != Some(header.ip) {
        return false;
    }
    let registers = machine.registers_mut();
    registers.rax = u64::from(header.code);
    registers.rip = header.ip.wrapping_sub(SYSCALL_LENGTH);
    registers.rsp = stack.wrapping_add(8);
    true
}
