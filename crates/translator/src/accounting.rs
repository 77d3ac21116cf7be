//! Counting instructions: where translated code charges the budget, and how much.
//!
//! A block does not charge its instructions one by one, and most blocks charge nothing at all. Each has a *phase*: how many
//! instructions have been executed but not yet charged when control comes to its body. An exit taken
//! after `k` instructions leaves with the block's phase plus `k`; going to a block with just that phase it needs
//! no code, and a block translated for the first time takes the phase of the exit that led to it. Only
//! where ways with different phases come together is the difference charged, on the way (in the exit's stub).
//!
//! Indirect branches do not know where they go, so they leave with phase 0. A block that ends with one, or
//! that calls, or that jumps back to itself, charges at its entry all that is due at its end: its body has a phase below 0.
//!
//! The sum of the charges on any way round a loop is the number of its instructions, so one of them is positive, and
//! every positive charge checks the budget: no loop escapes. Between two checks the program can run ahead of
//! what is charged by [`AHEAD`] at most.

use crate::build::MAX_COUNT;
use crate::context::{budget_offset, field};
use crate::emitter::Emitter;
use crate::engine::{Engine, PROLOGUE};
use crate::store::{Block, LIVE};

/// Largest phase of a block.
const MAX_PHASE: i16 = 128;

/// Instructions that can be executed beyond the budget before translated code leaves for want of it: the last
/// charge (an exit's phase and a block), what is not charged then (an exit's phase), and the block
/// that was entered behind its accounting.
pub(crate) const AHEAD: i64 = 2 * MAX_PHASE as i64 + 4 * MAX_COUNT as i64;

/// The phase of a block that is translated because of an exit with this one.
pub(crate) fn phase_behind(exit: i16) -> i16 {
    let lowest = -i16::from(MAX_COUNT);
    if (lowest..=MAX_PHASE).contains(&exit) {
        exit
    } else {
        0
    }
}

impl Engine {
    /// Charge, check if the charge is positive, and go to the body; the flags are preserved if the block needs
    /// them.
    fn write_charge(&self, e: &mut Emitter, number: u32, block: &Block, charge: i16) {
        let budget = budget_offset(number);
        let body = self.at(block.body);
        let slow = self.at(block.slow);
        if block.killed_at != LIVE {
            e.subtract(budget, charge);
            if charge > 0 {
                e.bytes(&[0x0f, 0x89]);
                e.relative(body, 0);
                e.jump(slow);
            } else {
                e.jump(body);
            }
            return;
        }
        e.store(field!(spill_c), 1);
        e.subtract_through_rcx(budget, charge);
        if charge > 0 {
            e.load_byte(budget + 7, 1);
            e.bytes(&[0xe3, 12]);
            e.load(field!(spill_c), 1);
            e.jump(slow);
        }
        e.load(field!(spill_c), 1);
        e.jump(body);
    }

    /// Write the accounting in front of a block's body, once its length and its flags are known.
    /// Returns the entry address.
    pub(crate) fn write_prologue(&mut self, number: u32, block: &Block) -> u64 {
        let body = self.at(block.body);
        let charge = block.entry_phase - block.phase;
        if charge == 0 {
            return body;
        }
        if block.killed_at != LIVE {
            return self.write_dead_prologue(number, block, charge);
        }
        let entry = body - 5;
        let mut cold = self.emitter(self.cold);
        self.write_charge(&mut cold, number, block, charge);
        self.emitter(entry).jump(self.cold);
        self.cold = cold.address();
        entry
    }

    /// The accounting of a block that does not need the flags; control falls through to the body.
    fn write_dead_prologue(&self, number: u32, block: &Block, charge: i16) -> u64 {
        let is_short = i8::try_from(charge).is_ok();
        let entry = self.at(block.body) - if is_short { PROLOGUE - 3 } else { PROLOGUE };
        let mut e = self.emitter(entry);
        e.subtract(budget_offset(number), charge);
        e.bytes(&[0x0f, 0x88]);
        e.relative(self.at(block.slow), 0);
        entry
    }

    /// Let the place in front of a body that has no accounting yet serve the first exit with another phase: it needs
    /// no jump to the body.
    fn claim_prologue(&mut self, number: u32, phase: i16) {
        let mut block = self.store.blocks[number as usize];
        if block.entry != block.body || block.killed_at == LIVE || phase == block.phase {
            return;
        }
        let entry = self.write_dead_prologue(number, &block, phase - block.phase);
        block.entry = self.offset(entry);
        block.entry_phase = phase;
        self.store.blocks[number as usize] = block;
    }

    /// Make an exit go straight to a block.
    pub(crate) fn link(&mut self, exit_number: u32, target_number: u32) {
        let exit = self.store.exits[exit_number as usize];
        if exit.linked || exit.field == 0 || !self.store.blocks[target_number as usize].valid {
            return;
        }
        self.claim_prologue(target_number, exit.phase);
        let target = self.store.blocks[target_number as usize];
        let charge = exit.phase - target.phase;
        let field = self.at(exit.field);
        if exit.phase == target.entry_phase {
            self.emitter(field).relative(self.at(target.entry), 0);
        } else if charge == 0 {
            self.emitter(field).relative(self.at(target.body), 0);
        } else {
            let stub = self.at(exit.stub);
            let mut e = self.emitter(stub);
            if target.killed_at != LIVE {
                self.write_charge(&mut e, target_number, &target, charge);
            } else {
                if !self.has_room() {
                    return;
                }
                e.jump(self.cold);
                let mut cold = self.emitter(self.cold);
                self.write_charge(&mut cold, target_number, &target, charge);
                self.cold = cold.address();
            }
        }
        let exit = &mut self.store.exits[exit_number as usize];
        exit.linked = true;
        exit.next = target.incoming;
        self.store.blocks[target_number as usize].incoming = exit_number;
    }

    /// Charge what a block needs that an indirect branch has found, restore rcx and r10, and go on there.
    pub(crate) fn write_indirect_charge(&self, e: &mut Emitter, number: u32, block: &Block) {
        let body = self.at(block.body);
        let slow = self.at(block.slow);
        let budget = budget_offset(number);
        let charge = -block.phase;
        if charge == 0 {
            self.restore_after_indirect(e);
            e.jump(body);
        } else if block.killed_at != LIVE {
            e.subtract(budget, charge);
            self.restore_after_indirect(e);
            if charge > 0 {
                e.bytes(&[0x0f, 0x89]);
                e.relative(body, 0);
                e.jump(slow);
            } else {
                e.jump(body);
            }
        } else {
            e.subtract_through_rcx(budget, charge);
            if charge > 0 {
                e.load_byte(budget + 7, 1);
                e.bytes(&[0xe3, 7 + 7 + 5]);
                self.restore_after_indirect(e);
                e.jump(slow);
            }
            self.restore_after_indirect(e);
            e.jump(body);
        }
    }
}
