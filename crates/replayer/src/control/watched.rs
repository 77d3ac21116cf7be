//! What a client watches, and the other addresses of the same memory.
//!
//! A client means the bytes at an address, whichever address they are stored to by: shared memory that is mapped
//! twice is watched at both. Only events change what is mapped.

use alloc::vec::Vec;

use reenact_translator::{Touched, Watch};

use crate::machine::Machine;

/// Another address of what is watched.
#[derive(Clone, Copy)]
struct Alias {
    /// Of the watch.
    number: usize,
    /// From the alias to what is watched.
    distance: u64,
}

/// The watches of a client. The translator has them first, in this order, and then the aliases.
#[derive(Default)]
pub struct Watched {
    asked: Vec<Watch>,
    aliases: Vec<Alias>,
    /// Of the table of mappings that the aliases are of.
    version: u64,
}

impl Watched {
    /// Watch these ranges, and no others.
    pub fn set(&mut self, machine: &mut Machine, watches: Vec<Watch>) {
        self.asked = watches;
        self.find_aliases(machine);
    }

    /// An event may have changed what is mapped.
    pub fn follow_mappings(&mut self, machine: &mut Machine) {
        if !self.asked.is_empty() && self.version != machine.memory.table.version() {
            self.find_aliases(machine);
        }
    }

    fn find_aliases(&mut self, machine: &mut Machine) {
        let Watched {
            asked,
            aliases,
            version,
        } = self;
        *version = machine.memory.table.version();
        aliases.clear();
        let mut all = asked.clone();
        for (number, watch) in asked.iter().enumerate() {
            for (start, end, shown) in machine.memory.aliases_of(watch.start, watch.end) {
                all.push(Watch {
                    start,
                    end,
                    access: watch.access,
                });
                aliases.push(Alias {
                    number,
                    distance: shown.wrapping_sub(start),
                });
            }
        }
        machine.translator.set_watches(&all);
        // The processor is told of the others.
        machine.end_points();
    }

    /// A touched watch as the client knows it. `None`: what was stored is not seen where it watches.
    pub fn as_asked(&self, machine: &Machine, touched: &Touched) -> Option<Touched> {
        let Some(index) = touched.number.checked_sub(self.asked.len()) else {
            return Some(*touched);
        };
        let alias = self.aliases.get(index)?;
        let address = touched.address.wrapping_add(alias.distance);
        machine
            .memory
            .shows(address, touched.address)
            .then_some(Touched {
                number: alias.number,
                address,
                access: touched.access,
            })
    }
}
