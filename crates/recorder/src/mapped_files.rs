//! The files that recorded processes have mapped: a table in the arena, found by device and inode.
//!
//! Every change is one atomic operation. A file becomes an object, and is left by its last user, in a turn of the
//! sharing group; files whose kept copy is mapped come in at any time.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_trace::sharing::{MappedFile, LAST_OBJECT, MAPPED_FILE_COUNT, OBJECT_SIZE};

use crate::arena::{self, mapped_file as entry};
use crate::files::Status;
use crate::message;

/// A file of the table, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedFileIndex(u32);

/// Entries that are looked at for a file.
const PROBES: usize = 64;

fn places(device: u64, inode: u64) -> impl Iterator<Item = usize> {
    let mixed = (inode ^ device.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let first = (mixed >> 40) as usize;
    (0..PROBES).map(move |step| (first + step) % MAPPED_FILE_COUNT)
}

fn identity(file: &MappedFile) -> (u64, u64) {
    let inode = file.inode.load(Ordering::Acquire);
    (file.device.load(Ordering::Acquire), inode)
}

/// The entry of a file, if it has one.
pub fn find(status: &Status) -> Option<MappedFileIndex> {
    let (device, inode) = (status.device, status.inode);
    for index in places(device, inode) {
        match identity(entry(index)) {
            (0, 0) => return None,
            found if found == (device, inode) => return Some(MappedFileIndex(index as u32)),
            _ => {}
        }
    }
    None
}

/// The entry of a file, a new one where it has none. `None`: all places for it are taken.
pub fn add(status: &Status) -> Option<MappedFileIndex> {
    if let Some(found) = find(status) {
        return Some(found);
    }
    let (device, inode) = (status.device, status.inode);
    let is_unused = |file: &MappedFile| identity(file) == (0, 0);
    let is_over = |file: &MappedFile| {
        file.users.load(Ordering::Acquire) == 0 && file.number.load(Ordering::Relaxed) != 0
    };
    let is_kept_only = |file: &MappedFile| file.number.load(Ordering::Relaxed) == 0;
    for may_replace in [is_unused, is_over, is_kept_only] {
        for index in places(device, inode) {
            let file = entry(index);
            if may_replace(file) && take(file, status) {
                arena::header().mapped_files.fetch_add(1, Ordering::Release);
                return Some(MappedFileIndex(index as u32));
            }
        }
    }
    message::once("more files mapped than are known: those that change meanwhile are not covered");
    None
}

/// Make an entry that of another file; false when somebody else has done so.
fn take(file: &MappedFile, status: &Status) -> bool {
    let (order, old) = (Ordering::AcqRel, file.device.load(Ordering::Acquire));
    // Without a device it is nobody's. Whoever dies here leaves it so.
    const BEING_TAKEN: u64 = u64::MAX;
    if old == BEING_TAKEN {
        return false;
    }
    let is_ours = file
        .device
        .compare_exchange(old, BEING_TAKEN, order, Ordering::Relaxed)
        .is_ok();
    if is_ours {
        file.number.store(0, Ordering::Relaxed);
        file.users.store(0, Ordering::Relaxed);
        file.kept_mappings.store(0, Ordering::Relaxed);
        // Another one than it was, also if it is the same file again.
        file.version.fetch_add(1, Ordering::Relaxed);
        file.inode.store(status.inode, Ordering::Relaxed);
        file.device.store(status.device, Ordering::Release);
    }
    is_ours
}

impl MappedFileIndex {
    /// Its index as a number that is never 0.
    pub fn word(self) -> u32 {
        self.0 + 1
    }

    /// The reverse; `None` for 0.
    pub fn from_word(word: u32) -> Option<MappedFileIndex> {
        word.checked_sub(1).map(MappedFileIndex)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }

    fn entry(self) -> &'static MappedFile {
        entry(self.index())
    }

    pub fn device(self) -> u64 {
        self.entry().device.load(Ordering::Acquire)
    }

    /// Whether the entry is still that file's.
    pub fn is(self, status: &Status) -> bool {
        identity(self.entry()) == (status.device, status.inode)
    }

    /// Number of the object that the file is to the processes that have it mapped; `None`: it is none.
    pub fn live_object(self) -> Option<u32> {
        let (file, order) = (self.entry(), Ordering::Acquire);
        (file.users.load(order) != 0)
            .then(|| file.number.load(order))
            .filter(|&number| number != 0)
    }

    /// Number of the object that the file becomes, or is, when its first `end` bytes are mapped; `None`: there is
    /// none so large. In a turn only.
    pub fn make_object(self, end: u64) -> Option<u32> {
        let file = self.entry();
        let needed = end.div_ceil(OBJECT_SIZE).max(1);
        let has = file.numbers.load(Ordering::Relaxed);
        let number = file.number.load(Ordering::Relaxed);
        if number != 0 && needed <= u64::from(has) {
            return Some(number);
        }
        let numbers = u32::try_from(needed)
            .ok()
            .filter(|&needed| needed < LAST_OBJECT / 2)?;
        let last = arena::header().objects.fetch_add(numbers, Ordering::AcqRel);
        let number = last.saturating_add(1);
        if number.saturating_add(numbers) > LAST_OBJECT {
            arena::header().objects.store(last, Ordering::Release);
            message::once(
                "more files mapped shared than have a place in a replay, which may depart",
            );
            return None;
        }
        file.numbers.store(numbers, Ordering::Relaxed);
        file.number.store(number, Ordering::Release);
        Some(number)
    }

    /// Whoever has mapped the kept copy is to know that the file is an object now.
    pub fn is_to_be_converted(self) {
        if self.kept_mappings() != 0 {
            let converted = &arena::header().converted_files;
            converted.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Number of the object, whoever has it mapped.
    pub fn number(self) -> u32 {
        self.entry().number.load(Ordering::Acquire)
    }

    /// This process has the object mapped from now on.
    pub fn enter(self) {
        let file = self.entry();
        if file.users.fetch_add(1, Ordering::AcqRel) == 0 {
            file.shown_from.store(u64::MAX, Ordering::Relaxed);
            file.shown_to.store(0, Ordering::Relaxed);
            self.is_to_be_converted();
        }
    }

    /// This process has it mapped no longer. Where nobody has, the part of the file that was shown, from its first
    /// byte to behind its last one.
    pub fn leave(self) -> Option<[u64; 2]> {
        let file = self.entry();
        let less = |users: u32| users.checked_sub(1);
        let before = file
            .users
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less);
        self.changes();
        (before == Ok(1)).then(|| self.shown())
    }

    /// What the file holds may be something else from now on.
    pub fn changes(self) {
        self.entry().version.fetch_add(1, Ordering::AcqRel);
    }

    /// Tells what the file holds now from what it held before.
    pub fn version(self) -> u32 {
        self.entry().version.load(Ordering::Acquire)
    }

    /// A mapping shows this part.
    pub fn show(self, from: u64, to: u64) {
        let file = self.entry();
        file.shown_from.fetch_min(from, Ordering::AcqRel);
        file.shown_to.fetch_max(to, Ordering::AcqRel);
    }

    /// What mappings of the object have shown.
    pub fn shown(self) -> [u64; 2] {
        let file = self.entry();
        [&file.shown_from, &file.shown_to].map(|word| word.load(Ordering::Acquire))
    }

    /// A process maps the copy kept in the trace.
    pub fn kept_is_mapped(self, process: u64) {
        let file = self.entry();
        let count = file.kept_mappings.fetch_add(1, Ordering::AcqRel) as usize;
        let is_known = |word: &AtomicU64| word.load(Ordering::Relaxed) == process;
        if !file.mappers.iter().any(is_known) {
            file.mappers[count % file.mappers.len()].store(process, Ordering::Release);
        }
    }

    /// How often that has happened.
    pub fn kept_mappings(self) -> u32 {
        self.entry().kept_mappings.load(Ordering::Acquire)
    }

    /// Processes that did so last.
    pub fn mappers(self) -> [u64; 4] {
        core::array::from_fn(|index| self.entry().mappers[index].load(Ordering::Acquire))
    }
}
