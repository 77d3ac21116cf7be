//! The stopped program as agent expressions see it.

use alloc::vec::Vec;

use crate::machine::Machine;

/// gdb's numbers of registers that follow the general ones (`src/reenact/gdb/description.py`).
mod numbers {
    pub const RIP: u16 = 16;
    pub const FLAGS: u16 = 17;
    pub const FS_BASE: u16 = 58;
    pub const GS_BASE: u16 = 59;
}

/// Most bytes that one expression may collect.
const MOST_COLLECTED: u64 = 16 << 10;

/// The running thread of a machine.
pub struct Observed<'a> {
    pub machine: &'a Machine,
    /// What was collected, in order.
    pub collected: &'a mut Vec<u8>,
}

impl reenact_agent::Program for Observed<'_> {
    fn register(&self, number: u16) -> Option<u64> {
        let r = self.machine.registers();
        // In the order of the target description: the processor's own numbers, with rbx and rcx, rsi
        // and rsp elsewhere.
        let general = [
            r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11,
            r.r12, r.r13, r.r14, r.r15,
        ];
        match number {
            numbers::RIP => Some(r.rip),
            numbers::FLAGS => Some(r.rflags & 0xffff_ffff),
            numbers::FS_BASE => Some(r.fs_base),
            numbers::GS_BASE => Some(r.gs_base),
            _ => general.get(usize::from(number)).copied(),
        }
    }

    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        self.machine.memory.read_original(address, into).is_ok()
    }

    fn collect(&mut self, address: u64, length: u64) -> bool {
        if length > MOST_COLLECTED {
            return false;
        }
        let begin = self.collected.len();
        self.collected.resize(begin + length as usize, 0);
        let bytes = &mut self.collected[begin..];
        let is_read = self.machine.memory.read_original(address, bytes).is_ok();
        if !is_read {
            self.collected.truncate(begin);
        }
        is_read
    }
}
