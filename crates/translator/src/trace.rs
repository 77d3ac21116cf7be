//! Traces: hot code is translated again along the path it takes.
//!
//! One part of the budget is kept small and random, so that now and then a block lacks budget although the whole
//! is not used up: a sample, which finds hot blocks at no cost to the code. From there the guest runs block by block
//! without accounting for up to a block's length while the directions of its branches are noted; then
//! the block is made anew along that path.

use crate::accounting::phase_behind;
use crate::build::{Mode, CALL_DEPTH, MAX_COUNT};
use crate::guest::GuestCode;
use crate::store::key;
use crate::translator::Translator;
use alloc::vec::Vec;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

/// A path being noted.
pub(crate) struct Recording {
    start: u64,
    /// Number of the flush count, to notice when the block is gone.
    generation: u64,
    count: u8,
    /// Whether each conditional jump was taken.
    taken: Vec<bool>,
    /// Whether each call has returned.
    returned: Vec<bool>,
    /// Return addresses of the calls open, and their numbers in `returned`.
    returns: [(u64, usize); CALL_DEPTH],
    depth: usize,
    /// Count and number of branches when the path last came back to its start.
    closed: Option<(u8, usize)>,
}

impl Recording {
    pub fn new(start: u64, generation: u64) -> Recording {
        Recording {
            start,
            generation,
            count: 0,
            taken: Vec::new(),
            returned: Vec::new(),
            returns: [(0, 0); CALL_DEPTH],
            depth: 0,
            closed: None,
        }
    }

    /// Instructions that may still be added.
    pub fn room(&self) -> u8 {
        MAX_COUNT - self.count
    }

    /// Add `executed` instructions from `from` in a row, after which the guest was at `rip`.
    /// Returns true when the path is complete.
    ///
    /// # Safety
    /// The instructions have just been executed, so they can be read.
    pub unsafe fn add(&mut self, from: u64, executed: u8, rip: u64) -> bool {
        // SAFETY: an instruction has at most 15 bytes; no more are looked at than were executed.
        let bytes =
            unsafe { core::slice::from_raw_parts(from as *const u8, 15 * usize::from(executed)) };
        let mut decoder = Decoder::with_ip(64, bytes, from, DecoderOptions::NONE);
        let mut i = Instruction::default();
        for index in 0..executed {
            decoder.decode_out(&mut i);
            let last = index + 1 == executed;
            match i.flow_control() {
                FlowControl::Next | FlowControl::UnconditionalBranch => {}
                FlowControl::ConditionalBranch if i.is_jcc_short_or_near() => {
                    let target = i.near_branch_target();
                    self.taken
                        .push(last && rip == target && target != i.next_ip());
                }
                // loop and jrcxz are only ever followed straight on.
                FlowControl::ConditionalBranch if last && rip != i.next_ip() => return true,
                FlowControl::ConditionalBranch => {}
                FlowControl::Call if self.depth < CALL_DEPTH => {
                    self.returns[self.depth] = (i.next_ip(), self.returned.len());
                    self.returned.push(false);
                    self.depth += 1;
                }
                FlowControl::Return if self.depth > 0 && i.op_count() == 0 => {
                    self.depth -= 1;
                    let (expected, number) = self.returns[self.depth];
                    if rip != expected {
                        return true;
                    }
                    self.returned[number] = true;
                }
                _ => {
                    self.count += 1;
                    return true;
                }
            }
            self.count += 1;
        }
        if rip == self.start && self.depth == 0 {
            self.closed = Some((self.count, self.taken.len()));
            // Another turn would not fit.
            return self.count > MAX_COUNT / 2;
        }
        self.count >= MAX_COUNT
    }
}

impl Translator {
    /// Begin a recording if the block at `rip` is worth it.
    pub(crate) fn sample(&self, rip: u64) -> Option<Recording> {
        let number = self.engine.store.by_address.get(key(rip, 0))?;
        let block = &self.engine.store.blocks[number as usize];
        (!block.traced).then(|| Recording::new(rip, self.engine.generation))
    }

    /// Make the block anew along the path noted.
    pub(crate) fn finish_recording<G: GuestCode>(&mut self, guest: &mut G, recording: Recording) {
        let engine = &mut self.engine;
        if recording.generation != engine.generation || engine.may_stop_at(recording.start) {
            return;
        }
        let Some(old) = engine.store.by_address.get(key(recording.start, 0)) else {
            return;
        };
        let (count, branches) = recording
            .closed
            .unwrap_or((recording.count, recording.taken.len()));
        if count < 2 || !engine.has_room() {
            engine.store.blocks[old as usize].traced = true;
            return;
        }
        let indirect = engine.store.blocks[old as usize].indirect != 0;
        // As it is mostly come to. Without a bound each path made anew would pass a larger phase on to the next, and the
        // program would run ahead of its budget.
        let phase = phase_behind(engine.store.blocks[old as usize].entry_phase);
        engine.remove_block(old);
        engine.path.clear();
        engine.path.extend_from_slice(&recording.taken[..branches]);
        engine.path_calls.clear();
        engine.path_calls.extend_from_slice(&recording.returned);
        engine.path_limit = count;
        let made = engine.build(guest, recording.start, Mode::Normal, phase);
        engine.path_limit = 0;
        if let (Ok(number), true) = (made, indirect) {
            if engine.has_room() {
                engine.enter_in_table(number);
            }
        }
    }
}
