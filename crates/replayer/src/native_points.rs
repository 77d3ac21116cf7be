//! Which points are told how while the program's own code runs: what it stores by the processor's breakpoint registers,
//! breakpoints too as far as there are registers for them, and the others by their pages, which cannot be executed then
//! ([`crate::memory`]): what is on these is translated. No byte of the program is changed: it may read its own code.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use reenact_interpose::execution_watch::MOST;
use reenact_translator::Watch;

use crate::debug_registers::{registers_of, DebugRegisters};
use crate::memory::page_down;

/// What a client wants to be told of.
pub struct Wanted<'a> {
    pub breakpoints: &'a BTreeSet<u64>,
    pub watches: &'a [Watch],
    /// Where the recorder has changed the code, other instructions are executed than those of the program.
    pub is_changed: &'a dyn Fn(u64) -> bool,
}

/// How points are told now.
#[derive(Default)]
pub struct NativePoints {
    registers: DebugRegisters,
    is_armed: bool,
    /// They cannot be told.
    is_refused: bool,
    /// How often a page that could not be executed was in the way.
    heat: BTreeMap<u64, u32>,
}

impl NativePoints {
    /// Whether all points are told.
    pub fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Have all points told, if that can be; the pages that have to be closed for it. `None`: nothing is to be done.
    pub fn begin(&mut self, wanted: &Wanted<'_>) -> Option<BTreeSet<u64>> {
        if self.is_armed || self.is_refused {
            return None;
        }
        let Some(watched) = registers_of(wanted.watches) else {
            self.is_refused = true;
            return None;
        };
        let (in_registers, mut pages) = self.distribute(wanted, MOST - watched.len());
        let is_none = in_registers.is_empty() && watched.is_empty();
        if !is_none && !self.registers.begin(&in_registers, &watched) {
            if !watched.is_empty() {
                self.is_refused = true;
                return None;
            }
            // The kernel gives none.
            pages.extend(in_registers.iter().map(|&address| page_down(address)));
        }
        self.is_armed = true;
        Some(pages)
    }

    /// Breakpoints for registers, as many as there are free, and pages to be closed for the others: those that were least in
    /// the way. All of one page go the same way.
    fn distribute(&self, wanted: &Wanted<'_>, mut free: usize) -> (Vec<u64>, BTreeSet<u64>) {
        let mut by_page: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for &address in wanted.breakpoints {
            by_page.entry(page_down(address)).or_default().push(address);
        }
        let mut all: Vec<(u64, Vec<u64>)> = by_page.into_iter().collect();
        let heat = |page: u64| self.heat.get(&page).copied().unwrap_or(0);
        all.sort_by_key(|(page, of_page)| (u32::MAX - heat(*page), of_page.len()));
        let (mut in_registers, mut pages) = (Vec::new(), BTreeSet::new());
        for (page, of_page) in all {
            let is_changed = of_page.iter().any(|&address| (wanted.is_changed)(address));
            if is_changed || of_page.len() > free {
                pages.insert(page);
            } else {
                free -= of_page.len();
                in_registers.extend(of_page);
            }
        }
        (in_registers, pages)
    }

    /// A closed page was in the way again and again: it is better off with a register.
    pub fn note_heat(&mut self, page: u64) {
        *self.heat.entry(page).or_default() += 1;
        self.rest();
    }

    /// Translated code runs, which tells by itself.
    pub fn rest(&mut self) {
        self.registers.end();
        self.is_armed = false;
    }

    /// The client may want to know of others.
    pub fn end(&mut self) {
        self.rest();
        self.is_refused = false;
    }
}
