//! Breakpoints and watched memory on the way of a run: what is told, remembered, collected or passed over.

use reenact_translator::{Touched, Watch};

use super::conditions::Verdict;
use super::message::Reason;
use super::range::CodeRange;
use super::Control;
use crate::machine::Machine;
use alloc::vec::Vec;

/// Hits, or short stretches, between two such looks where nothing is told of them.
const PASSED_BETWEEN_LOOKS: u32 = 4096;

impl Control {
    /// A stretch is over. Short ones do not look each time.
    pub fn end_stretch(&mut self, machine: &mut Machine) {
        if self.run.range.is_none() && self.begun.is_empty() {
            self.look(machine);
            return;
        }
        self.pass_over(machine);
    }

    /// Nothing was told; now and then a request is looked for.
    fn pass_over(&mut self, machine: &mut Machine) {
        self.passed_over += 1;
        if self.passed_over == PASSED_BETWEEN_LOOKS {
            self.passed_over = 0;
            self.look(machine);
        }
    }

    /// Remember the last place outside of the code that is sought in.
    pub(super) fn seek(&mut self, machine: &mut Machine) {
        let is_outside = |range: &CodeRange| range.is_sought && range.is_outside(machine);
        if self.run.range.as_ref().is_some_and(is_outside) {
            self.remembered = Some(self.place(machine, Reason::Steps, [0; 2]));
        }
    }

    /// Code that is run through until it is left.
    pub fn range(&self, machine: &Machine) -> Option<(u64, u64)> {
        let range = self.run.range?;
        (!range.is_outside(machine)).then_some((range.start, range.end))
    }

    /// Execution has come to a hook.
    pub fn at_hook(&mut self, machine: &mut Machine) {
        let address = machine.registers().rip;
        let here = (self.event, machine.since_event());
        let is_known = machine.counted_since_event().is_some();
        if !machine.has_breakpoint(address) || is_known && self.run.except == Some(here) {
            return;
        }
        self.hits_since_event += 1;
        let verdict = self.conditions.at_breakpoint(machine, address);
        if verdict == Verdict::Fails {
            self.pass_over(machine);
            return;
        }
        self.count(machine, 0);
        if self.run.collects && verdict == Verdict::Holds {
            let place = self.place(machine, Reason::Breakpoint, [address, 0]);
            if self.collection.gather(machine, &place, address) {
                self.hits += 1;
                if self.collection.is_full() {
                    // The hit itself is behind us: it is not told again.
                    self.run.except = Some(here);
                    self.stop(machine, Reason::Collected, [address, 0]);
                }
                self.pass_over(machine);
                return;
            }
            // The client has to look itself.
        }
        self.hit(machine, Reason::Breakpoint, [address, 0]);
    }

    /// The next instruction touches watched memory, at least here and so.
    pub fn at_access(&mut self, machine: &mut Machine, address: u64, access: u8) {
        let mut touched = core::mem::take(&mut self.touched);
        // The program's own code is stopped behind the access: the next instruction is another one.
        let is_behind = machine.counted_since_event().is_none();
        let Machine {
            translator, memory, ..
        } = machine;
        if translator.watches().len() > 1 && !is_behind {
            translator.touched_watches(memory, &mut touched);
        } else {
            touched.clear();
        }
        if touched.is_empty() {
            let watches = translator.watches().iter().enumerate();
            let there = watches.filter(|(_, watch)| watch.touched(address, address + 1).is_some());
            touched.extend(there.map(|(number, _)| Touched {
                number,
                address,
                access,
            }));
        }
        self.at_accesses(machine, &touched);
        self.touched = touched;
    }

    /// The next instruction, or the event at hand, touches watched memory.
    pub fn at_accesses(&mut self, machine: &mut Machine, touched: &[Touched]) {
        let here = (self.event, machine.since_event());
        let is_known = machine.counted_since_event().is_some();
        if !self.is_active || is_known && self.run.except_access == Some(here) {
            return;
        }
        self.count(machine, 0);
        let mut is_told = false;
        let mut told = Vec::new();
        for one in touched {
            // While it stands here, the client may take watches away.
            let is_there = |watch: &Watch| watch.touched(one.address, one.address + 1).is_some();
            if !machine
                .translator
                .watches()
                .get(one.number)
                .is_some_and(is_there)
            {
                break;
            }
            let Some(one) = self.watched.as_asked(machine, one) else {
                continue;
            };
            if told.contains(&one.number) {
                // By another address.
                continue;
            }
            told.push(one.number);
            let number = one.number as u64;
            if self.run.asks_behind && self.conditions.has_watch(number) {
                self.begun.push(one);
                self.begun_at = machine.total_instructions();
            } else if self.conditions.at_watch(machine, number) {
                is_told = true;
                self.hit(machine, Reason::Watch, [one.address, u64::from(one.access)]);
            }
        }
        if !is_told && self.begun.is_empty() {
            self.pass_over(machine);
        }
    }

    /// The program's own code has touched watched memory.
    pub fn behind_access(&mut self, machine: &mut Machine, address: u64, access: u8) {
        if self.is_active {
            self.hits_since_event += 1;
            self.hit(machine, Reason::Watch, [address, u64::from(access)]);
        }
    }

    /// Accesses are done: ask those conditions that are asked behind them. `by_event`: an event made them, or cut the
    /// instruction short.
    pub(super) fn settle_accesses(&mut self, machine: &mut Machine, by_event: bool) {
        if self.begun.is_empty() || !by_event && machine.total_instructions() == self.begun_at {
            return;
        }
        for one in core::mem::take(&mut self.begun) {
            if self.conditions.at_watch(machine, one.number as u64) {
                let detail = [one.address, u64::from(one.access)];
                self.hit(machine, Reason::Watched, detail);
            }
        }
    }
}
