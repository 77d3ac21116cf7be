//! What the client wants to know of each hit of a breakpoint, gathered without stopping there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::channel::MOST_MESSAGE;
use super::message::Reader;
use super::observed::{Collected, Observed};
use super::place::StopPoint;
use crate::machine::Machine;

/// Most bytes of all expressions of a client.
const MOST_BYTES: usize = 1 << 20;
/// Records that are kept until the client takes them: when there are more bytes, the run stops.
const ROOM: usize = 1 << 20;

/// Expressions by address, and what they have gathered.
#[derive(Default)]
pub struct Collection {
    expressions: BTreeMap<u64, Vec<Vec<u8>>>,
    bytes: usize,
    records: Vec<u8>,
    /// Bytes of them that the client has.
    taken: usize,
    scratch: Collected,
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

    /// Gather at a hit; whether that was done. It is not where nothing is to be gathered, or an expression has no
    /// value: then nothing of this hit is kept.
    pub fn gather(&mut self, machine: &Machine, place: &StopPoint, address: u64) -> bool {
        let Some(expressions) = self.expressions.get(&address) else {
            return false;
        };
        let records = &mut self.records;
        let begin = records.len();
        for word in [place.event, place.instructions, address] {
            records.extend_from_slice(&word.to_le_bytes());
        }
        records.extend_from_slice(&place.tid.to_le_bytes());
        records.extend_from_slice(&(expressions.len() as u32).to_le_bytes());
        for code in expressions {
            self.scratch.bytes.clear();
            let mut observed = Observed {
                machine,
                collected: &mut self.scratch,
            };
            let Ok(value) = reenact_agent::evaluate(code, &mut observed) else {
                records.truncate(begin);
                return false;
            };
            let bytes = &self.scratch.bytes;
            records.extend_from_slice(&value.to_le_bytes());
            records.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            records.extend_from_slice(bytes);
        }
        true
    }

    /// Whether the client has to take what there is.
    pub fn is_full(&self) -> bool {
        self.records.len() >= ROOM
    }

    /// A part of what was gathered, and the next one when asked again; nothing behind the last.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        let end = self.records.len().min(self.taken + MOST_MESSAGE / 2);
        out.extend_from_slice(&self.records[self.taken..end]);
        self.taken = end;
        if end == self.records.len() {
            self.records.clear();
            self.taken = 0;
        }
    }
}
