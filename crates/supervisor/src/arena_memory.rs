//! The supervisor's view of the arena: creating it, mapping it, reaching its parts.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::sync::atomic::Ordering;

use reenact_trace::arena::{
    slot_state, ArenaHeader, FileEntry, Slot, ARENA_MAGIC, ARENA_SIZE, CPUID_TABLE_ENTRIES,
    CPUID_TABLE_OFFSET, FILE_TABLE_ENTRIES, FILE_TABLE_OFFSET, LIFE_BYTE, RING_OFFSET, RING_SIZE,
    SITE_POOL_ENTRIES, SITE_POOL_OFFSET, SLOTS_OFFSET, SLOT_COUNT, SLOT_STRIDE,
};
use reenact_trace::sharing::{
    Group, MappedFile, GROUPS_OFFSET, MAPPED_FILES_OFFSET, MAPPED_FILE_COUNT,
};
use reenact_trace::FORMAT_VERSION;

/// Ring bytes kept resident in a freed slot: the next short process finds its pages there.
/// Low slots are used again and again, high ones only at peaks.
const KEEP_LOW: u64 = 256 << 10;
const KEEP_HIGH: u64 = 64 << 10;
const LOW_SLOTS: usize = 64;

/// What a process's lock says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has none, or it cannot be asked for.
    Unknown,
    Over,
    /// The number is its own in our pid namespace; 0: it has none there.
    GoesOn(u32),
}

/// A mapped arena. Dropping it unmaps; the memory lives as long as a recorded process has it.
pub struct Arena {
    base: *mut u8,
    file: File,
}

// SAFETY: the mapping is shared memory that other processes change at any time anyway;
// all access goes through atomics or through ranges that the slot protocol gives to one side.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    /// Create an empty arena: a sparse memory file.
    pub fn create() -> io::Result<Arena> {
        // SAFETY: a constant NUL-terminated name.
        let fd = unsafe { libc::memfd_create(c"reenact-arena".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(ARENA_SIZE)?;
        // SAFETY: a new mapping of a file we own, at an address the kernel chooses.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                ARENA_SIZE as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_NORESERVE,
                file.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let arena = Arena {
            base: base.cast(),
            file,
        };
        arena.fill_header(|header| {
            header.magic = ARENA_MAGIC;
            header.format_version = FORMAT_VERSION;
        });
        Ok(arena)
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Set plain header fields before any process has the arena.
    pub fn fill_header(&self, fill: impl FnOnce(&mut ArenaHeader)) {
        // SAFETY: the header is at offset 0 of the mapping; no other process has the arena
        // yet, and the caller holds no other reference (closures get it for their duration).
        fill(unsafe { &mut *self.base.cast::<ArenaHeader>() });
    }

    pub fn header(&self) -> &ArenaHeader {
        // SAFETY: inside the mapping, aligned; what changes behind us is atomic.
        unsafe { &*self.base.cast::<ArenaHeader>() }
    }

    /// What processes that share memory have in common.
    pub fn group(&self) -> &Group {
        // SAFETY: the groups lie inside the mapping; all that changes is atomic.
        unsafe { &*self.base.add(GROUPS_OFFSET as usize).cast::<Group>() }
    }

    /// Whether processes have run in turns, as they shared memory.
    pub fn had_turns(&self) -> bool {
        self.group().turn.load(Ordering::Acquire) != 0
    }

    /// Places for files that are mapped.
    pub const MAPPED_FILES: usize = MAPPED_FILE_COUNT;

    /// What recorded processes know of a file that is mapped.
    ///
    /// # Panics
    /// When `index` is not less than [`Arena::MAPPED_FILES`].
    pub fn mapped_file(&self, index: usize) -> &MappedFile {
        assert!(index < Self::MAPPED_FILES);
        // SAFETY: the table lies inside the mapping; all that changes is atomic.
        unsafe {
            &*self
                .base
                .add(MAPPED_FILES_OFFSET as usize)
                .cast::<MappedFile>()
                .add(index)
        }
    }

    /// Entries of the file table in use.
    pub fn file_count(&self) -> usize {
        (self.header().files.load(Ordering::Acquire) as usize).min(FILE_TABLE_ENTRIES)
    }

    /// Entry of the file table.
    ///
    /// # Panics
    /// When `index` is not less than [`FILE_TABLE_ENTRIES`].
    pub fn file_entry(&self, index: usize) -> *mut FileEntry {
        assert!(index < FILE_TABLE_ENTRIES);
        // SAFETY: the table lies inside the mapping.
        unsafe {
            self.base
                .add(FILE_TABLE_OFFSET as usize)
                .cast::<FileEntry>()
                .add(index)
        }
    }

    /// Append sites to the pool; the index of the first, or `None` when the pool is full.
    pub fn publish_sites(&self, sites: &[u64]) -> Option<u32> {
        let used = &self.header().sites;
        let first = used.load(Ordering::Acquire);
        if first as usize + sites.len() > SITE_POOL_ENTRIES {
            return None;
        }
        // SAFETY: the pool lies inside the mapping, room was checked, and only the one
        // thread of the supervisor that scans files writes to it.
        unsafe {
            let pool = self.base.add(SITE_POOL_OFFSET as usize).cast::<u64>();
            ptr::copy_nonoverlapping(sites.as_ptr(), pool.add(first as usize), sites.len());
        }
        used.store(first + sites.len() as u64, Ordering::Release);
        Some(first as u32)
    }

    /// Whether the process of a slot lives, by the lock that it keeps: it needs no pid.
    pub fn life(&self, index: usize) -> Life {
        if self.slot(index).has_life_lock.load(Ordering::Acquire) == 0 {
            return Life::Unknown;
        }
        let mut request = libc::flock {
            l_type: libc::F_WRLCK as i16,
            l_whence: libc::SEEK_SET as i16,
            l_start: (SLOTS_OFFSET + index as u64 * SLOT_STRIDE + LIFE_BYTE) as i64,
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: asks about a lock of our file.
        let asked = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_GETLK, &raw mut request) };
        match request.l_type {
            _ if asked != 0 => Life::Unknown,
            free if free == libc::F_UNLCK as i16 => Life::Over,
            // The kernel names the owner in the namespace of who asks (fs/locks.c: locks_translate_pid).
            _ => Life::GoesOn(request.l_pid.try_into().unwrap_or(0)),
        }
    }

    fn slot_address(&self, index: usize) -> *mut u8 {
        assert!(index < SLOT_COUNT);
        // SAFETY: the slots lie inside the mapping.
        unsafe {
            self.base
                .add((SLOTS_OFFSET + index as u64 * SLOT_STRIDE) as usize)
        }
    }

    /// Control block of a slot.
    ///
    /// # Panics
    /// When `index` is not less than [`SLOT_COUNT`].
    pub fn slot(&self, index: usize) -> &Slot {
        // SAFETY: aligned, inside the mapping; callers read plain fields only where the slot
        // protocol says that they do not change.
        unsafe { &*self.slot_address(index).cast::<Slot>() }
    }

    /// Set plain fields of a slot that this process has claimed.
    pub fn fill_slot(&self, index: usize, fill: impl FnOnce(&mut Slot)) {
        // SAFETY: a claimed slot belongs to the claimer until it passes it on.
        fill(unsafe { &mut *self.slot_address(index).cast::<Slot>() });
    }

    /// Let recorders answer `cpuid` by these entries of the table. Once only.
    pub fn publish_cpuid(&self, entries: &[[u32; 6]]) {
        let count = entries.len().min(CPUID_TABLE_ENTRIES);
        // SAFETY: the table lies in the mapping; nobody reads it before the count is there.
        unsafe {
            let table = self.base.add(CPUID_TABLE_OFFSET as usize);
            ptr::copy_nonoverlapping(entries.as_ptr(), table.cast::<[u32; 6]>(), count);
        }
        let answers = &self.header().cpuid_answers;
        answers.store(count as u32, Ordering::Release);
    }

    /// Copy ring bytes `from..from + length` (positions as in `head` and `tail`) into `out`.
    pub fn copy_ring(&self, index: usize, from: u64, length: usize, out: &mut Vec<u8>) {
        assert!(length as u64 <= RING_SIZE);
        out.clear();
        out.reserve(length);
        let start = (from & (RING_SIZE - 1)) as usize;
        let first = length.min(RING_SIZE as usize - start);
        // SAFETY: both ranges lie inside the ring, the vector has the room; the producer
        // does not touch published bytes until `tail` has passed them.
        unsafe {
            let ring = self.slot_address(index).add(RING_OFFSET as usize);
            ptr::copy_nonoverlapping(ring.add(start), out.as_mut_ptr(), first);
            ptr::copy_nonoverlapping(ring, out.as_mut_ptr().add(first), length - first);
            out.set_len(length);
        }
    }

    /// Bytes of a ring for a producer in this process (tests).
    ///
    /// # Safety
    /// The caller is the only producer of the slot and writes only unpublished bytes.
    pub unsafe fn ring(&self, index: usize) -> *mut u8 {
        // SAFETY: inside the mapping.
        unsafe { self.slot_address(index).add(RING_OFFSET as usize) }
    }

    /// Give a slot back: control block zeroed, most of its memory returned, then `FREE`.
    pub fn release_slot(&self, index: usize) {
        let used = self.slot(index).head.load(Ordering::Acquire);
        let keep = if index < LOW_SLOTS {
            KEEP_LOW
        } else {
            KEEP_HIGH
        };
        if used > keep {
            // Failure only means that the memory stays.
            // SAFETY: punching a hole into our own file, in the ring of a slot nobody uses.
            unsafe {
                libc::fallocate(
                    self.file.as_raw_fd(),
                    libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
                    (SLOTS_OFFSET + index as u64 * SLOT_STRIDE + RING_OFFSET + keep) as libc::off_t,
                    (used.min(RING_SIZE) - keep) as libc::off_t,
                );
            }
        }
        let address = self.slot_address(index);
        let state_size = size_of::<u64>();
        // SAFETY: the slot is ended, so nobody else uses it; everything after `state`
        // (a u32 and the u32 `process` after it share the first eight bytes) is zeroed first.
        unsafe {
            ptr::write_bytes(address.add(state_size), 0, size_of::<Slot>() - state_size);
        }
        let slot = self.slot(index);
        slot.process.store(0, Ordering::Relaxed);
        slot.state.store(slot_state::FREE, Ordering::Release);
        // Low slots first: their pages are already there.
        self.header()
            .slot_hint
            .fetch_min(index as u32, Ordering::AcqRel);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and references into it cannot outlive `self`.
        unsafe {
            libc::munmap(self.base.cast(), ARENA_SIZE as usize);
        }
    }
}
