//! Watched memory: a check in front of every instruction that may touch it, while anything is watched.
//!
//! The address goes through a table of bytes that says which pieces of 256 bytes are watched (by the middle
//! bits of their addresses, so other pieces may look watched). Where it says so, the exact ranges are compared
//! outside of translated code, which then goes on where it left. Nothing touches the flags.

use crate::access::{Access, Watch};
use crate::build::{Build, Pending};
use crate::context::{field, FILTER_OFFSET, FILTER_SIZE};
use crate::engine::Engine;
use crate::guest::GuestCode;
use crate::masked_access::Mask;
use crate::rewrite;
use crate::state_extent::StateExtent;
use crate::store::{ExitKind, SLOW};
use crate::string_access::Repeated;
use crate::translator::Translator;
use alloc::vec::Vec;
use iced_x86::{
    Instruction, InstructionInfoFactory, InstructionInfoOptions, Mnemonic, OpAccess, Register,
    UsedMemory,
};

/// Largest access that is looked up in the table by its first byte.
const LARGEST: usize = 64;
/// What an access of unknown size may touch (AMX tiles).
pub(crate) const UNKNOWN_SIZE: u16 = 16 << 10;
const RAX: u8 = 0;
const RCX: u8 = 1;
const GRANULE: u64 = 256;

impl Engine {
    /// Write checks for what the instruction accesses.
    pub(crate) fn check_accesses(&mut self, b: &mut Build, i: &Instruction) {
        let mut factory = core::mem::take(&mut self.factory);
        let info = factory
            .get_or_insert_with(InstructionInfoFactory::new)
            .info_options(i, InstructionInfoOptions::NO_REGISTER_USAGE);
        for memory in info.used_memory() {
            let access = access_of(memory.access()) & self.watched_access;
            if access != 0 {
                self.check_access(b, i, memory, access);
            }
        }
        self.factory = factory;
    }

    fn check_access(&mut self, b: &mut Build, i: &Instruction, memory: &UsedMemory, access: u8) {
        let mut accessed = described(i, memory, access);
        let is_looked_up =
            accessed.repeated.is_none() && (1..=LARGEST).contains(&memory.memory_size().size());
        b.need_flags();
        b.e.store(field!(spill_c), RCX);
        load_address(b, memory);
        b.e.store(field!(watched), RCX);
        if is_looked_up {
            // movzx ecx, word [watched + 1]: which piece of 256 bytes.
            b.e.load_word_to_ecx(field!(watched) + 1);
            // movzx ecx, byte gs:[rcx + table]; jrcxz over the jump.
            b.e.bytes(&[0x65, 0x0f, 0xb6, 0x89]);
            b.e.u32(FILTER_OFFSET as u32);
            b.e.bytes(&[0xe3, 5]);
        }
        b.e.jump(self.cold);
        accessed.resume = self.offset(b.e.address());
        b.e.load(field!(spill_c), RCX);
        let mut cold = self.emitter(self.cold);
        cold.load(field!(spill_c), RCX);
        cold.store_constant(field!(exit), 0);
        let number_at = cold.address() - 4;
        cold.jump(self.leave);
        self.cold = cold.address();
        self.pending.push(Pending {
            executed: b.count,
            target: i.ip(),
            field: 0,
            kind: ExitKind::Watch(accessed),
            number_at,
            charge_only: false,
        });
    }
}

/// What an instruction does with one piece of memory; [`Access::resume`] is not known yet.
pub(crate) fn described(i: &Instruction, memory: &UsedMemory, access: u8) -> Access {
    let repeated = Repeated::of(i);
    let size = match repeated {
        None => memory.memory_size().size(),
        // Of all elements together nobody knows the size in advance.
        Some(_) => i.memory_size().size(),
    };
    Access {
        size: match size {
            0 if is_state(i) => 0,
            0 => UNKNOWN_SIZE,
            _ => size as u16,
        },
        is_compacted: matches!(i.mnemonic(), Mnemonic::Xsavec | Mnemonic::Xsavec64),
        access,
        repeated,
        mask: Mask::of(i),
        resume: 0,
    }
}

/// Whether an instruction saves or loads processor state by a mask.
fn is_state(i: &Instruction) -> bool {
    use Mnemonic::*;
    // XRSTOR learns the format from the area; the compacted one is no longer than the other.
    matches!(
        i.mnemonic(),
        Xsave | Xsave64 | Xsaveopt | Xsaveopt64 | Xsavec | Xsavec64 | Xrstor | Xrstor64
    )
}

/// Put the address into rcx.
fn load_address(b: &mut Build, memory: &UsedMemory) {
    let base = memory.base();
    let index = memory.index();
    let displacement = memory.displacement();
    match (rewrite::number(base), rewrite::number(index)) {
        (None, None) => b.e.constant(RCX, displacement),
        (base_number, index_number) => {
            let is_short = base.is_gpr32() || index.is_gpr32();
            if is_short {
                b.e.u8(0x67);
            }
            let base_bits = base_number.unwrap_or(5);
            let index_bits = index_number.unwrap_or(4);
            let scale = memory.scale().max(1).trailing_zeros() as u8;
            let is_based = base_number.is_some();
            // lea rcx, [base + index * scale + displacement of 32 bits]
            b.e.bytes(&[
                0x48 | (index_bits >> 3) << 1 | base_bits >> 3,
                0x8d,
                if is_based { 0x8c } else { 0x0c },
                scale << 6 | (index_bits & 7) << 3 | base_bits & 7,
            ]);
            b.e.u32(displacement as u32);
        }
    }
    let segment_base = match memory.segment() {
        Register::FS => core::mem::offset_of!(reenact_trace::Registers, fs_base) as u32,
        Register::GS => rewrite::gs_base_offset(),
        _ => return,
    };
    b.e.store(field!(spill_b), RAX);
    b.e.load(segment_base, RAX);
    // lea rcx, [rcx + rax]
    b.e.bytes(&[0x48, 0x8d, 0x0c, 0x01]);
    b.e.load(field!(spill_b), RAX);
}

pub(crate) fn access_of(access: OpAccess) -> u8 {
    match access {
        OpAccess::Read | OpAccess::CondRead => Watch::READ,
        OpAccess::Write | OpAccess::CondWrite => Watch::WRITE,
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => Watch::READ | Watch::WRITE,
        _ => 0,
    }
}

impl Translator {
    /// Stop (with [`crate::Stop::Watch`]) before instructions that touch these ranges, and no others.
    pub fn set_watches(&mut self, watches: &[Watch]) {
        if self.engine.watches == watches {
            return;
        }
        let access = watches
            .iter()
            .fold(0, |access, watch| access | watch.access);
        self.engine.watches = Vec::from(watches);
        self.engine
            .state_extent
            .get_or_insert_with(StateExtent::of_processor);
        let table = (self.engine.base + FILTER_OFFSET as u64) as *mut u8;
        for index in 0..FILTER_SIZE {
            // SAFETY: the table is in the cache, which is ours.
            unsafe { table.add(index).write(0) };
        }
        for watch in watches {
            let first = watch.start.saturating_sub(LARGEST as u64 - 1) / GRANULE;
            let last = watch.end.saturating_sub(1) / GRANULE;
            let last = last.min(first + FILTER_SIZE as u64 - 1);
            for granule in first..=last {
                // SAFETY: as above.
                unsafe { table.add(granule as usize % FILTER_SIZE).write(1) };
            }
        }
        if access != self.engine.watched_access {
            self.engine.watched_access = access;
            self.flush();
        }
    }

    /// The watched ranges.
    pub fn watches(&self) -> &[Watch] {
        &self.engine.watches
    }

    /// Where to go on in translated code that has left for a closer look and touches nothing watched.
    pub(crate) fn resume_after_look<G: GuestCode>(&mut self, guest: &G) -> Option<u64> {
        let number = self.state().exit;
        if self.engine.watches.is_empty()
            || number < crate::context::EXIT_FIRST
            || number & SLOW != 0
        {
            return None;
        }
        match self.engine.store.kind(number) {
            ExitKind::Watch(access) if self.touched(guest, &access).is_none() => {
                Some(self.engine.at(access.resume))
            }
            _ => None,
        }
    }
}
