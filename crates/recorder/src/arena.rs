//! The arena and this process's slot in it.

use core::sync::atomic::{AtomicUsize, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall4, syscall6};
use reenact_trace::arena::*;
use reenact_trace::event::MAX_EVENT_SIZE;
use reenact_trace::layout::{ARENA_ADDRESS, SLOT_ADDRESS};

/// The arena's header. Mapped before anything else runs.
pub fn header() -> &'static ArenaHeader {
    // SAFETY: mapped by `map_header` for the life of the process.
    unsafe { &*(ARENA_ADDRESS as *const ArenaHeader) }
}

/// An entry of the file table.
pub fn file(index: usize) -> &'static FileEntry {
    debug_assert!(index < FILE_TABLE_ENTRIES);
    // SAFETY: the table is mapped; all-zero is a valid entry.
    unsafe { &*((ARENA_ADDRESS + FILE_TABLE_OFFSET) as *const FileEntry).add(index) }
}

/// The pool of instruction sites.
pub fn site(index: usize) -> u64 {
    if index >= SITE_POOL_ENTRIES {
        return 0;
    }
    // SAFETY: the pool is mapped.
    unsafe {
        ((ARENA_ADDRESS + SITE_POOL_OFFSET) as *const u64)
            .add(index)
            .read_volatile()
    }
}

/// The slot of this process.
pub fn slot() -> &'static Slot {
    // SAFETY: mapped by `map_slot`.
    unsafe { &*(SLOT_ADDRESS as *const Slot) }
}

/// The slot's hand-over block, to be written before `execve`.
pub fn exec_request() -> &'static mut ExecRequest {
    // SAFETY: only this process writes it, one thread at a time.
    unsafe { &mut *(&raw const slot().exec).cast_mut() }
}

fn map(address: u64, length: u64, fd: i32, offset: u64) -> bool {
    // SAFETY: fixed places in our own region.
    let result = unsafe {
        syscall6(
            MMAP,
            address,
            length,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_FIXED,
            fd as u64,
            offset,
        )
    };
    result as u64 == address
}

/// Map everything of the arena before the slots.
pub fn map_header(arena_fd: i32) -> bool {
    map(ARENA_ADDRESS, SLOTS_OFFSET, arena_fd, 0) && header().magic == ARENA_MAGIC
}

/// Map slot `index` at its fixed place; the start of the ring once more behind its end, so that
/// an event never has to be written in two parts.
pub fn map_slot(arena_fd: i32, index: usize) -> bool {
    let offset = slot_offset(index);
    OWN_INDEX.store(index, Ordering::Relaxed);
    map(SLOT_ADDRESS, RING_OFFSET + RING_SIZE, arena_fd, offset)
        && map(
            SLOT_ADDRESS + RING_OFFSET + RING_SIZE,
            2 * MAX_EVENT_SIZE as u64,
            arena_fd,
            offset + RING_OFFSET,
        )
}

/// Offset of a slot in the arena file.
pub fn slot_offset(index: usize) -> u64 {
    SLOTS_OFFSET + index as u64 * SLOT_STRIDE
}

/// The state word of a slot that is not ours, through a short-lived mapping of its first page.
struct ForeignSlot(u64);

impl ForeignSlot {
    fn map(index: usize) -> Option<ForeignSlot> {
        // SAFETY: a fresh mapping at a place the kernel chooses; unmapped on drop.
        let result = unsafe {
            syscall6(
                MMAP,
                0,
                PAGE * 4,
                PROT_READ | PROT_WRITE,
                MAP_SHARED,
                header().arena_fd as u64,
                slot_offset(index),
            )
        };
        (result > 0).then_some(ForeignSlot(result as u64))
    }

    fn slot(&self) -> &Slot {
        // SAFETY: mapped while self lives; 16 KiB cover the control block.
        unsafe { &*(self.0 as *const Slot) }
    }
}

impl Drop for ForeignSlot {
    fn drop(&mut self) {
        // SAFETY: unmaps what `map` made.
        unsafe { syscall4(MUNMAP, self.0, PAGE * 4, 0, 0) };
    }
}

const _: () = assert!(core::mem::size_of::<Slot>() as u64 <= PAGE * 4);

/// Take a free slot for a child. `None` when all are in use.
pub fn claim_slot(process: u32) -> Option<usize> {
    let start = header().slot_hint.fetch_add(1, Ordering::Relaxed) as usize;
    for step in 0..SLOT_COUNT {
        let index = (start + step) % SLOT_COUNT;
        let foreign = ForeignSlot::map(index)?;
        let slot = foreign.slot();
        if slot
            .state
            .compare_exchange(
                slot_state::FREE,
                slot_state::CLAIMED,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
        {
            slot.process.store(process, Ordering::Relaxed);
            slot.pid.store(0, Ordering::Relaxed);
            return Some(index);
        }
    }
    None
}

/// Give back a slot that was claimed for a child that did not come to be.
pub fn release_slot(index: usize) {
    if let Some(foreign) = ForeignSlot::map(index) {
        foreign
            .slot()
            .state
            .store(slot_state::FREE, Ordering::Release);
    }
}

/// Work on a slot that is not ours.
pub fn with_slot(index: usize, work: impl FnOnce(&Slot)) {
    if let Some(foreign) = ForeignSlot::map(index) {
        work(foreign.slot());
    }
}

static OWN_INDEX: AtomicUsize = AtomicUsize::new(0);

/// Index of this process's slot.
pub fn own_index() -> usize {
    OWN_INDEX.load(Ordering::Relaxed)
}

/// Wake the supervisor if it sleeps.
pub fn ring_doorbell() {
    let header = header();
    header.doorbell.fetch_add(1, Ordering::Release);
    // Whoever turns the flag wakes; the supervisor sets it before it sleeps again.
    if header.supervisor_sleeping.load(Ordering::Relaxed) == 1
        && header.supervisor_sleeping.swap(0, Ordering::AcqRel) == 1
    {
        let word = &raw const header.doorbell as u64;
        // SAFETY: a futex word in shared memory.
        unsafe { syscall4(FUTEX, word, FUTEX_WAKE, 1, 0) };
    }
}
