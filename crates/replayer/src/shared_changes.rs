//! What others changed in the memory that a process shares, from turn to turn. When all processes are
//! replayed together they find out and note it in a file; one that is replayed alone takes it from there.
//!
//! Design constraints:
//! * The descriptor is open before the sandbox is entered, and processes share it: whole records are
//!   appended, all of one size.
//! * A record is a block at an address of the process, so that it holds for every kind of shared memory.
//! * What the file says is checked as the trace is: it is written to memory that the program has mapped
//!   only, and a wrong byte is a divergence.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall3;
use reenact_trace::checksum::checksum;
use reenact_trace::FileId;
use reenact_translator::Watch;

use crate::error::ReplayError;
use crate::machine::Machine;
use crate::mappings::PAGE;
use crate::memory::Memory;
use crate::pace::Pace;
use crate::system;

/// Starts every record: "rnsc".
const MAGIC: u32 = 0x6373_6e72;
const HEADER: usize = 32;
/// Bytes that are compared, and noted, at a time.
const BLOCK: usize = 512;
/// Pages asked about at a time.
const PAGES: usize = 4096;

/// A block that others changed: offset of its content in the file, and its address.
type ChangedBlock = (u64, u64);

/// The file, and what a process alone knows of it.
pub struct SharedChanges {
    descriptor: i32,
    /// All records by process and event; `None`: not read yet.
    known: Option<BTreeMap<(u32, u64), Vec<ChangedBlock>>>,
}

/// Checksums of the blocks of shared memory that there are, in order of their addresses.
pub type View = Vec<(u64, u64)>;

impl SharedChanges {
    pub fn new(descriptor: i32) -> SharedChanges {
        SharedChanges {
            descriptor,
            known: None,
        }
    }

    /// What differs from the view the process had before its turn: note it for the event of the turn.
    pub fn note(&self, memory: &Memory, process: u32, event: u64, before: &View) {
        let empty = checksum(&[0; BLOCK]);
        let after = view(memory);
        let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
        loop {
            let address = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(&&(from, _)), Some(&&(to, _))) => from.min(to),
                (Some(&&(address, _)), None) | (None, Some(&&(address, _))) => address,
            };
            // What is not there reads as zeros.
            let was = old.next_if(|block| block.0 == address);
            let is = new.next_if(|block| block.0 == address);
            if was.map_or(empty, |block| block.1) != is.map_or(empty, |block| block.1) {
                self.append(memory, process, event, address);
            }
        }
    }

    fn append(&self, memory: &Memory, process: u32, event: u64, address: u64) {
        let mut record = [0u8; HEADER + BLOCK];
        if memory.read(address, &mut record[HEADER..]).is_err() {
            return;
        }
        record[..4].copy_from_slice(&MAGIC.to_le_bytes());
        record[4..8].copy_from_slice(&process.to_le_bytes());
        record[8..16].copy_from_slice(&event.to_le_bytes());
        record[16..24].copy_from_slice(&address.to_le_bytes());
        // Without room the file is cut, and a replay from it departs there.
        let _ = system::write_all(self.descriptor, &record);
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
        let Some(places) = known.get(&(process, event)) else {
            return Ok(());
        };
        let mut blocks = Vec::new();
        for &(offset, address) in places {
            let mut content = [0u8; BLOCK];
            if system::read_at(descriptor, &mut content, offset) != Ok(content.len()) {
                return Err(ReplayError::BadEvent("changes of shared memory cut short"));
            }
            blocks.push((address, content));
        }
        if let Some(control) = &mut pace.control {
            let hit = blocks
                .iter()
                .find_map(|block| watched_change(machine, block));
            if let Some(address) = hit {
                control.at_access(machine, address, Watch::WRITE);
            }
        }
        let Machine {
            memory, translator, ..
        } = machine;
        for (address, content) in &blocks {
            memory.write(translator, *address, content)?;
        }
        Ok(())
    }
}

/// The first watched byte that a block changes.
fn watched_change(machine: &Machine, (start, content): &(u64, [u8; BLOCK])) -> Option<u64> {
    let end = start.saturating_add(BLOCK as u64);
    let mut now = [0u8; BLOCK];
    let mut watches = machine.translator.watches().iter();
    watches.find_map(|watch| {
        let is_one = watch.access & Watch::WRITE != 0 && watch.touched(*start, end).is_some();
        if !is_one || machine.memory.read(*start, &mut now).is_err() {
            return None;
        }
        (*start..end)
            .zip(now.iter().zip(content))
            .find(|&(at, (old, new))| old != new && watch.touched(at, at + 1).is_some())
            .map(|(at, _)| at)
    })
}

/// The records of the file, as far as they are whole.
fn read(descriptor: i32) -> BTreeMap<(u32, u64), Vec<ChangedBlock>> {
    let mut known: BTreeMap<(u32, u64), Vec<ChangedBlock>> = BTreeMap::new();
    let mut at = 0;
    let mut header = [0u8; HEADER];
    while system::read_at(descriptor, &mut header, at) == Ok(HEADER) {
        let half = |from: usize| {
            header[from..]
                .first_chunk()
                .map_or(0, |word| u32::from_le_bytes(*word))
        };
        let word = |from: usize| u64::from(half(from)) | u64::from(half(from + 4)) << 32;
        if half(0) != MAGIC {
            break;
        }
        let place = (at + HEADER as u64, word(16));
        known.entry((half(4), word(8))).or_default().push(place);
        at += (HEADER + BLOCK) as u64;
    }
    known
}

/// The shared memory of a process as it is now.
pub fn view(memory: &Memory) -> View {
    let mut view = View::new();
    let mut page = [0u8; PAGE as usize];
    for (start, mapping) in memory.table.iter() {
        if !mapping.is_shared() || mapping.file != FileId::NONE || mapping.protection == 0 {
            continue;
        }
        let mut at = start;
        while at < mapping.end {
            let length = (mapping.end - at).min(PAGES as u64 * PAGE);
            let mut resident = [0u8; PAGES];
            // SAFETY: a byte for each page; asks only.
            unsafe { syscall3(n::MINCORE, at, length, resident.as_mut_ptr() as u64) };
            for index in 0..length / PAGE {
                let address = at + index * PAGE;
                if resident[index as usize] & 1 != 0 && memory.read(address, &mut page).is_ok() {
                    let blocks = (address..).step_by(BLOCK).zip(page.chunks(BLOCK));
                    view.extend(blocks.map(|(at, block)| (at, checksum(block))));
                }
            }
            at += length;
        }
    }
    view
}
