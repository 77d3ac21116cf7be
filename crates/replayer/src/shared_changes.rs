//! What processes change in the memory that they share, from turn to turn. When all are replayed together each
//! notes what it has changed, in a file; one that is replayed alone takes from there what the others did.
//!
//! Design constraints:
//! * The descriptor is open before the sandbox is entered, and processes share it: whole records are
//!   appended. The order of turns is the order of the file.
//! * A record names the shared memory, not an address: each process has it somewhere else, or not at all.
//! * What the file says is checked as the trace is: it is written to memory that the program has mapped
//!   only, and a wrong byte is a divergence.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use reenact_translator::{Touched, Watch};

use crate::error::ReplayError;
use crate::machine::Machine;
use crate::memory::{Memory, SharedMemory, BLOCK};
use crate::pace::Pace;
use crate::system;

/// Starts a record of a changed block: "rnsb".
const BLOCK_MAGIC: u32 = 0x6273_6e72;
/// Starts a record of a turn that begins: "rnst".
const TURN_MAGIC: u32 = 0x7473_6e72;
const HEADER: usize = 32;

/// A changed block in the file.
#[derive(Clone, Copy)]
struct ChangedBlock {
    /// Who has changed it.
    process: u32,
    memory: SharedMemory,
    offset: u64,
    /// Of its content in the file.
    at: u64,
}

/// What the file says.
#[derive(Default)]
struct Known {
    blocks: Vec<ChangedBlock>,
    /// How many of them come before a turn, by process and event.
    turns: BTreeMap<(u32, u64), usize>,
}

/// The file, and what a process alone knows of it.
pub struct SharedChanges {
    descriptor: i32,
    /// `None`: not read yet.
    known: Option<Known>,
    /// Blocks that have been looked at; of an ancestor before the fork, for a child.
    passed: usize,
}

impl SharedChanges {
    pub fn new(descriptor: i32) -> SharedChanges {
        SharedChanges {
            descriptor,
            known: None,
            passed: 0,
        }
    }

    /// The turn of a process is over: note what it has changed.
    pub fn note(&self, memory: &mut Memory, process: u32) {
        let mut records = Vec::new();
        for block in memory.take_written() {
            records.extend(header(BLOCK_MAGIC, process, block.memory, block.offset));
            records.extend(block.content);
        }
        // Without room the file is cut, and a replay from it departs there.
        let _ = system::write_all(self.descriptor, &records);
    }

    /// The turn with this event begins: all turns before it have been noted.
    pub fn note_turn(&self, process: u32, event: u64) {
        let _ = system::write_all(self.descriptor, &header(TURN_MAGIC, process, event, 0));
    }

    /// A process that is replayed alone begins behind an event: what others had changed by then is there.
    pub fn begin_behind(&mut self, process: u32, event: u64) {
        let descriptor = self.descriptor;
        let known = self.known.get_or_insert_with(|| read(descriptor));
        self.passed = known.turns.get(&(process, event)).copied().unwrap_or(0);
    }

    /// Change the memory of a process that is replayed alone as others did before this turn. A client may
    /// be waiting for that.
    pub fn apply(
        &mut self,
        machine: &mut Machine,
        pace: &mut Pace,
        process: u32,
        event: u64,
    ) -> Result<(), ReplayError> {
        let descriptor = self.descriptor;
        let known = self.known.get_or_insert_with(|| read(descriptor));
        let Some(&until) = known.turns.get(&(process, event)) else {
            return Ok(());
        };
        let since = self.passed.min(until);
        self.passed = until;
        let mut blocks = Vec::new();
        for place in &known.blocks[since..until] {
            if place.process == process {
                continue;
            }
            let object = object_of(place.memory);
            let address = machine.memory.address_of(place.memory, place.offset);
            if object.is_none() && address.is_none() {
                continue;
            }
            let mut content = [0u8; BLOCK];
            if system::read_at(descriptor, &mut content, place.at) != Ok(content.len()) {
                return Err(ReplayError::BadEvent("changes of shared memory cut short"));
            }
            blocks.push((place, address, content));
        }
        if let Some(control) = &mut pace.control {
            let touched: Vec<Touched> = blocks
                .iter()
                .filter_map(|(_, address, content)| Some(((*address)?, *content)))
                .flat_map(|block| watched_changes(machine, &block))
                .collect();
            if !touched.is_empty() {
                control.at_accesses(machine, &touched);
            }
        }
        let Machine {
            memory, translator, ..
        } = machine;
        for (place, address, content) in &blocks {
            if let Some(object) = object_of(place.memory) {
                memory.write_object(translator, object, place.offset, content)?;
            } else if let Some(address) = address {
                memory.write(translator, *address, content)?;
            }
        }
        Ok(())
    }
}

/// The object that this shared memory is; `None`: it has no file, and is known by its mappings only.
fn object_of(memory: SharedMemory) -> Option<u32> {
    u32::try_from(memory).ok().filter(|&object| object != 0)
}

fn header(magic: u32, process: u32, first: u64, second: u64) -> [u8; HEADER] {
    let mut header = [0u8; HEADER];
    header[..4].copy_from_slice(&magic.to_le_bytes());
    header[4..8].copy_from_slice(&process.to_le_bytes());
    header[8..16].copy_from_slice(&first.to_le_bytes());
    header[16..24].copy_from_slice(&second.to_le_bytes());
    header
}

/// The watches of which a block changes something.
fn watched_changes(machine: &Machine, (start, content): &(u64, [u8; BLOCK])) -> Vec<Touched> {
    let end = start.saturating_add(BLOCK as u64);
    let mut now = [0u8; BLOCK];
    let watches = machine.translator.watches().iter().enumerate();
    let changed = |(number, watch): (usize, &Watch)| {
        let is_one = watch.access & Watch::WRITE != 0 && watch.touched(*start, end).is_some();
        if !is_one || machine.memory.read(*start, &mut now).is_err() {
            return None;
        }
        let (address, _) = (*start..end)
            .zip(now.iter().zip(content))
            .find(|&(at, (old, new))| old != new && watch.touched(at, at + 1).is_some())?;
        Some(Touched {
            number,
            address,
            access: Watch::WRITE,
        })
    };
    watches.filter_map(changed).collect()
}

/// The records of the file, as far as they are whole.
fn read(descriptor: i32) -> Known {
    let mut known = Known::default();
    let mut at = 0;
    let mut header = [0u8; HEADER];
    while system::read_at(descriptor, &mut header, at) == Ok(HEADER) {
        let half = |from: usize| {
            header[from..]
                .first_chunk()
                .map_or(0, |word| u32::from_le_bytes(*word))
        };
        let word = |from: usize| u64::from(half(from)) | u64::from(half(from + 4)) << 32;
        let (process, first, second) = (half(4), word(8), word(16));
        at += HEADER as u64;
        match half(0) {
            BLOCK_MAGIC => {
                known.blocks.push(ChangedBlock {
                    process,
                    memory: first,
                    offset: second,
                    at,
                });
                at += BLOCK as u64;
            }
            TURN_MAGIC => {
                known.turns.insert((process, first), known.blocks.len());
            }
            _ => break,
        }
    }
    known
}
