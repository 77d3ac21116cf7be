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

/// Most bytes of one piece of memory that is collected.
const MOST_PIECE: u64 = 16 << 10;
/// Most bytes that one expression may collect, with what tells the pieces apart.
const MOST_COLLECTED: usize = 96 << 10;

/// Pieces of memory, in the order in which they were collected: each has its address and length before it.
#[derive(Default)]
pub struct Collected {
    pub bytes: Vec<u8>,
}

/// The running thread of a machine.
pub struct Observed<'a> {
    pub machine: &'a Machine,
    pub collected: &'a mut Collected,
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
        let bytes = &mut self.collected.bytes;
        if length > MOST_PIECE || bytes.len() + length as usize > MOST_COLLECTED {
            return false;
        }
        bytes.extend_from_slice(&address.to_le_bytes());
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        let begin = bytes.len();
        bytes.resize(begin + length as usize, 0);
        self.machine
            .memory
            .read_original(address, &mut bytes[begin..])
            .is_ok()
    }
}
