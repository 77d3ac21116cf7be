//! The jumps of `switch` statements: which tables they take, and where those lead.
//!
//! Two forms are known, those of gcc, clang, Go and their relatives:
//! * `lea B, [rip + table]; movsxd X, [B + I*4]; add X, B; jmp X`: distances from the table,
//! * `jmp [table + I*8]`, or `mov X, [B + I*8]; jmp X`: addresses.

use std::collections::HashMap;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// More than any compiler makes of one `switch`.
const LONGEST: u64 = 4096;

/// A table and the form of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JumpTable {
    pub address: u64,
    /// Entries are distances of four bytes from the table, else addresses of eight.
    pub is_relative: bool,
    /// Entries, as the comparison before it says.
    pub bound: Option<u64>,
}

impl JumpTable {
    /// The table that `jump` takes, after the instructions `before` it. `bases` are the addresses that the
    /// function has loaded so far, with their registers.
    pub fn of(jump: &Instruction, before: &[Instruction], bases: &Bases) -> Option<JumpTable> {
        let bound = bound(before);
        if jump.op0_kind() == OpKind::Memory {
            let address = absolute(jump, before, bases)?;
            return Some(JumpTable {
                address,
                is_relative: false,
                bound,
            });
        }
        let pointer = jump.op0_register();
        let writes = |instruction: &&Instruction| {
            instruction.op_count() > 0
                && instruction.op0_kind() == OpKind::Register
                && instruction.op0_register() == pointer
        };
        let last = before.iter().rev().find(writes)?;
        let (address, is_relative) = match last.mnemonic() {
            Mnemonic::Mov if last.op1_kind() == OpKind::Memory => {
                (absolute(last, before, bases)?, false)
            }
            Mnemonic::Add if last.op1_kind() == OpKind::Register => {
                (relative(last, before, bases)?, true)
            }
            _ => return None,
        };
        Some(JumpTable {
            address,
            is_relative,
            bound,
        })
    }

    /// Entry `index`, of the table's `bytes` from its address on.
    pub fn entry(&self, bytes: &[u8], index: u64) -> Option<u64> {
        if index >= self.bound.unwrap_or(LONGEST).min(LONGEST) {
            return None;
        }
        let index = index as usize;
        if self.is_relative {
            let word: [u8; 4] = bytes.get(4 * index..4 * index + 4)?.try_into().ok()?;
            let distance = i64::from(i32::from_le_bytes(word));
            Some(self.address.wrapping_add(distance as u64))
        } else {
            let word: [u8; 8] = bytes.get(8 * index..8 * index + 8)?.try_into().ok()?;
            Some(u64::from_le_bytes(word))
        }
    }
}

/// The table of addresses that an instruction reads from.
fn absolute(load: &Instruction, before: &[Instruction], bases: &Bases) -> Option<u64> {
    if load.memory_index() == Register::None || load.memory_index_scale() != 8 {
        return None;
    }
    let displacement = load.memory_displacement64();
    match load.memory_base() {
        Register::None => Some(displacement),
        base => Some(loaded(base, before, bases)?.wrapping_add(displacement)),
    }
}

/// The table of distances whose entry and address `sum` adds.
fn relative(sum: &Instruction, before: &[Instruction], bases: &Bases) -> Option<u64> {
    let operands = [sum.op0_register(), sum.op1_register()];
    let loads = |instruction: &&Instruction| {
        instruction.mnemonic() == Mnemonic::Movsxd
            && instruction.op1_kind() == OpKind::Memory
            && instruction.memory_index_scale() == 4
            && instruction.memory_displacement64() == 0
            && operands.contains(&instruction.op0_register())
    };
    let load = before.iter().rev().find(loads)?;
    let base = load.memory_base();
    // The entry may replace its index, or the address of its table that another register holds.
    if operands.contains(&base) || load.op0_register() == base {
        return loaded(base, before, bases);
    }
    None
}

/// The address that `register` has been given.
fn loaded(register: Register, before: &[Instruction], bases: &Bases) -> Option<u64> {
    let near = before
        .iter()
        .rev()
        .find_map(|instruction| base(instruction).filter(|&(own, _)| own == register));
    if let Some((_, address)) = near {
        return Some(address);
    }
    bases.only(register)
}

/// The addresses that a function loads into registers.
#[derive(Default)]
pub struct Bases {
    /// `None`: several.
    loaded: HashMap<Register, Option<u64>>,
}

impl Bases {
    /// Note what an instruction loads.
    pub fn note(&mut self, instruction: &Instruction) {
        if let Some((register, address)) = base(instruction) {
            self.loaded
                .entry(register)
                .and_modify(|known| *known = known.filter(|&known| known == address))
                .or_insert(Some(address));
        }
    }

    /// The address that is loaded into `register` wherever one is.
    fn only(&self, register: Register) -> Option<u64> {
        self.loaded.get(&register).copied().flatten()
    }
}

/// The register and the address of a `lea register, [rip + distance]`, or of a `mov` of an address.
fn base(instruction: &Instruction) -> Option<(Register, u64)> {
    match instruction.mnemonic() {
        Mnemonic::Lea if instruction.is_ip_rel_memory_operand() => Some((
            instruction.op0_register(),
            instruction.ip_rel_memory_address(),
        )),
        Mnemonic::Mov if instruction.op0_kind() == OpKind::Register => {
            let address = instruction.try_immediate(1).ok()?;
            Some((instruction.op0_register(), address))
        }
        _ => None,
    }
}

/// Entries of the table, from the comparison or the mask before the jump.
fn bound(before: &[Instruction]) -> Option<u64> {
    before.iter().rev().find_map(|instruction| {
        if !matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::And) {
            return None;
        }
        instruction.try_immediate(1).ok()?.checked_add(1)
    })
}
