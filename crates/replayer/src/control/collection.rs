//! What the client wants to know of each hit of a breakpoint, gathered without stopping there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::channel::MOST_MESSAGE;
use super::message::Reader;
use super::observed::Observed;
use super::place::StopPoint;
use crate::machine::Machine;

/// Most bytes of all expressions of a client.
const MOST_BYTES: usize = 1 << 20;
/// Records that are kept until the client takes them: when there are more bytes, the run stops.
const ROOM: usize = 1 << 20;
/// In place of a length: the expression has no value here.
const PROBLEM: u32 = u32::MAX;

/// Expressions by address, and what they have gathered.
#[derive(Default)]
pub struct Collection {
    expressions: BTreeMap<u64, Vec<Vec<u8>>>,
    bytes: usize,
    records: Vec<u8>,
    scratch: Vec<u8>,
}

impl Collection {
    /// Take what a request says; whether it can be understood.
    pub fn set(&mut self, mut reader: Reader<'_>) -> bool {
        if reader.u64() != 0 {
            *self = Collection::default();
        }
        while reader.has_word() {
            let (place, length) = (reader.u64(), reader.u64());
            let Some(code) = reader.bytes(length) else {
                return false;
            };
            self.bytes += code.len();
            if self.bytes > MOST_BYTES {
                return false;
            }
            self.expressions
                .entry(place)
                .or_default()
                .push(code.to_vec());
        }
        true
    }

    /// Gather at a hit; whether anything is gathered at this address.
    pub fn gather(&mut self, machine: &Machine, place: &StopPoint, address: u64) -> bool {
        let Some(expressions) = self.expressions.get(&address) else {
            return false;
        };
        let records = &mut self.records;
        for word in [place.event, place.instructions, address] {
            records.extend_from_slice(&word.to_le_bytes());
        }
        records.extend_from_slice(&place.tid.to_le_bytes());
        records.extend_from_slice(&(expressions.len() as u32).to_le_bytes());
        for code in expressions {
            self.scratch.clear();
            let mut observed = Observed {
                machine,
                collected: &mut self.scratch,
            };
            let result = reenact_agent::evaluate(code, &mut observed);
            let length = result.map_or(PROBLEM, |_| self.scratch.len() as u32);
            records.extend_from_slice(&length.to_le_bytes());
            if length != PROBLEM {
                records.extend_from_slice(&self.scratch);
            }
        }
        true
    }

    /// Whether the client has to take what there is.
    pub fn is_full(&self) -> bool {
        self.records.len() >= ROOM
    }

    /// A part of what was gathered, which is forgotten.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        let length = self.records.len().min(MOST_MESSAGE / 2);
        out.extend(self.records.drain(..length));
    }
}
