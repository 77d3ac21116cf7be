//! Conditions of breakpoints and watchpoints: hits for which none holds are passed over here, without
//! asking the client.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::message::Reader;
use super::observed::{Collected, Observed};
use crate::machine::Machine;

/// Most bytes of all conditions of a client.
const MOST_BYTES: usize = 4 << 20;

/// What a condition belongs to, as requests have it.
mod kind {
    pub const BREAKPOINT: u64 = 1;
    pub const WATCH: u64 = 2;
}

/// What the conditions of a place say at a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// None of them holds.
    Fails,
    /// One of them holds, or there is none.
    Holds,
    /// One has no value here: the client has to decide.
    Unknown,
}

/// All conditions of a client. Several of one place: one of them has to hold.
#[derive(Default)]
pub struct Conditions {
    /// By the address of the breakpoint.
    breakpoints: BTreeMap<u64, Vec<Vec<u8>>>,
    /// By the number of the watch.
    watches: BTreeMap<u64, Vec<Vec<u8>>>,
    bytes: usize,
}

impl Conditions {
    /// Take what a request says; whether it can be understood.
    pub fn set(&mut self, mut reader: Reader<'_>) -> bool {
        if reader.u64() != 0 {
            *self = Conditions::default();
        }
        while reader.has_word() {
            let (kind, place, length) = (reader.u64(), reader.u64(), reader.u64());
            let Some(code) = reader.bytes(length) else {
                return false;
            };
            self.bytes += code.len();
            if self.bytes > MOST_BYTES {
                return false;
            }
            let table = match kind {
                kind::BREAKPOINT => &mut self.breakpoints,
                kind::WATCH => &mut self.watches,
                _ => return false,
            };
            table.entry(place).or_default().push(code.to_vec());
        }
        true
    }

    /// Whether a breakpoint's hit counts here.
    pub fn at_breakpoint(&self, machine: &Machine, address: u64) -> Verdict {
        verdict(machine, self.breakpoints.get(&address))
    }

    /// Whether an access to what a watch watches counts here.
    pub fn at_watch(&self, machine: &Machine, number: u64) -> bool {
        verdict(machine, self.watches.get(&number)) != Verdict::Fails
    }

    /// Whether a watch has a condition.
    pub fn has_watch(&self, number: u64) -> bool {
        self.watches.contains_key(&number)
    }
}

fn verdict(machine: &Machine, conditions: Option<&Vec<Vec<u8>>>) -> Verdict {
    let Some(conditions) = conditions else {
        return Verdict::Holds;
    };
    let mut found = Verdict::Fails;
    for code in conditions {
        let mut collected = Collected::default();
        let mut observed = Observed {
            machine,
            collected: &mut collected,
        };
        match reenact_agent::evaluate(code, &mut observed) {
            Ok(0) => {}
            Ok(_) => return Verdict::Holds,
            Err(_) => found = Verdict::Unknown,
        }
    }
    found
}
