//! The arena and this process's slot in it.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4, syscall6};
use reenact_trace::arena::*;
use reenact_trace::event::MAX_EVENT_SIZE;
use reenact_trace::layout::{ARENA_ADDRESS, CHILD_SLOT_ADDRESS, SLOT_ADDRESS};
use reenact_trace::sharing::*;

/// The arena's header. Mapped before anything else runs.
pub fn header() -> &'static ArenaHeader {
    // SAFETY: mapped by `map_header` for the life of the process.
    unsafe { &*(ARENA_ADDRESS as *const ArenaHeader) }
}

/// How long a process sleeps that waits for the supervisor or for another process, before it looks
/// whether that one still lives. Nanoseconds.
pub const LOOK_AGAIN_NS: u64 = 2_000_000;

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

/// A group of processes that share memory.
pub fn group(index: usize) -> &'static Group {
    debug_assert!(index < GROUP_COUNT);
    // SAFETY: the groups are mapped; all-zero is a valid one, and all that changes is atomic.
    unsafe { &*((ARENA_ADDRESS + GROUPS_OFFSET) as *const Group).add(index) }
}

/// The place where the process of a slot waits for its turn.
pub fn waiter(slot: usize) -> &'static Waiter {
    debug_assert!(slot < SLOT_COUNT);
    // SAFETY: as for `group`.
    unsafe { &*((ARENA_ADDRESS + WAITERS_OFFSET) as *const Waiter).add(slot) }
}

/// This process executes another image, or is about to: its parent need not wait any longer.
pub fn release_parent() {
    let word = &waiter(own_index()).parent_waits;
    if word.load(Ordering::Relaxed) != 0 {
        word.store(0, Ordering::Release);
        // SAFETY: a futex word in shared memory.
        unsafe { syscall4(FUTEX, word.as_ptr() as u64, FUTEX_WAKE, 1, 0) };
    }
}

/// An entry of the table of mapped files.
pub fn mapped_file(index: usize) -> &'static MappedFile {
    debug_assert!(index < MAPPED_FILE_COUNT);
    // SAFETY: as for `group`.
    unsafe { &*((ARENA_ADDRESS + MAPPED_FILES_OFFSET) as *const MappedFile).add(index) }
}

/// What the processor answers to `cpuid` (eax, ebx, ecx, edx), where that is known and does not
/// depend on which processor is asked.
pub fn cpuid_answer(leaf: u32, subleaf: u32) -> Option<[u32; 4]> {
    let count = header().cpuid_answers.load(Ordering::Acquire) as usize;
    // SAFETY: in the header's page; the entries counted are written and do not change any more.
    let entries = unsafe {
        core::slice::from_raw_parts(
            (ARENA_ADDRESS + CPUID_TABLE_OFFSET) as *const [u32; 6],
            count.min(CPUID_TABLE_ENTRIES),
        )
    };
    entries
        .iter()
        .find(|entry| entry[0] == leaf && (entry[1] == subleaf || entry[1] == ANY_SUBLEAF))
        .map(|&[_, _, eax, ebx, ecx, edx]| [eax, ebx, ecx, edx])
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

/// Places for control blocks of children's slots. A block stays where it is until another slot needs
/// its place: to replace a mapping takes some 40 µs when the process has run on two processors.
const CHILD_PLACES: usize = 16;
const CONTROL_SIZE: u64 = PAGE * 4;
/// Index + 1 of the slot at each place; 0: none yet.
static CHILD_SLOTS: [AtomicUsize; CHILD_PLACES] = [const { AtomicUsize::new(0) }; CHILD_PLACES];

fn child_address(index: usize) -> u64 {
    CHILD_SLOT_ADDRESS + (index % CHILD_PLACES) as u64 * CONTROL_SIZE
}

/// Map the control block of a slot at its place (a process forks in one thread at a time, and a vfork
/// child's parent waits). A forked child has its parent's mappings.
fn map_child(index: usize) -> bool {
    let mapped = &CHILD_SLOTS[index % CHILD_PLACES];
    if mapped.load(Ordering::Relaxed) == index + 1 {
        return true;
    }
    // If it fails, nothing may be there any more.
    mapped.store(0, Ordering::Relaxed);
    let fd = header().arena_fd;
    let done = map(child_address(index), CONTROL_SIZE, fd, slot_offset(index));
    if done {
        mapped.store(index + 1, Ordering::Relaxed);
    }
    done
}

/// A slot claimed for a child, and its control block.
pub struct ChildSlot {
    pub index: usize,
    pub process: u32,
}

const _: () = assert!(core::mem::size_of::<Slot>() as u64 <= CONTROL_SIZE);

impl ChildSlot {
    /// Take a free slot for the next process, made by the event of this index (it is under
    /// construction) and started as `start` says. `None` when all are in use.
    pub fn claim(start: u16, parent_event: u64) -> Option<ChildSlot> {
        let process = header().next_process.fetch_add(1, Ordering::Relaxed);
        let child = ChildSlot::take_free(process)?;
        let parent = slot().process.load(Ordering::Relaxed);
        let request = child.request();
        request.start = u32::from(start);
        request.parent_process = parent;
        request.parent_event = parent_event;
        child.slot().announce_child(process);
        Some(child)
    }

    /// Take a free slot for a snapshot of this process behind an event.
    pub fn claim_for_snapshot(event: u64) -> Option<ChildSlot> {
        let copy = ChildSlot::take_free(slot().process.load(Ordering::Relaxed))?;
        let request = copy.request();
        request.parent_process = copy.process;
        request.parent_event = event;
        copy.slot().holds_snapshot.store(1, Ordering::Relaxed);
        Some(copy)
    }

    fn take_free(process: u32) -> Option<ChildSlot> {
        let first = header().slot_hint.fetch_add(1, Ordering::Relaxed) as usize;
        for step in 0..SLOT_COUNT {
            let index = (first + step) % SLOT_COUNT;
            if !map_child(index) {
                return None;
            }
            let child = ChildSlot { index, process };
            let state = &child.slot().state;
            let (free, claimed) = (slot_state::FREE, slot_state::CLAIMED);
            if state
                .compare_exchange(free, claimed, Ordering::AcqRel, Ordering::Relaxed)
                .or_else(|found| {
                    if found != slot_state::ENDED || header().has_reader() {
                        return Err(found);
                    }
                    // Nobody drains it any more.
                    state.compare_exchange(found, claimed, Ordering::AcqRel, Ordering::Relaxed)
                })
                .is_ok()
            {
                child.slot().process.store(process, Ordering::Relaxed);
                child.slot().pid.store(0, Ordering::Relaxed);
                child.slot().holds_snapshot.store(0, Ordering::Relaxed);
                child.slot().common_written.store(0, Ordering::Relaxed);
                return Some(child);
            }
        }
        None
    }

    /// The control block.
    pub fn slot(&self) -> &Slot {
        // SAFETY: mapped by `claim`; the mapping is replaced, never removed.
        unsafe { &*(child_address(self.index) as *const Slot) }
    }

    /// The hand-over block, ours until the child runs.
    #[allow(clippy::mut_from_ref)]
    pub fn request(&self) -> &mut ExecRequest {
        // SAFETY: the slot is claimed by us; nobody else writes its request.
        unsafe { &mut *(&raw const self.slot().exec).cast_mut() }
    }

    /// The child was not made: give the slot back.
    pub fn release(&self) {
        self.slot().child.store(0, Ordering::Relaxed);
        self.slot().state.store(slot_state::FREE, Ordering::Release);
    }
}

/// Look at a slot that is not ours, through a short-lived mapping of its control block.
pub fn look_at_slot(index: usize, look: impl FnOnce(&Slot)) {
    let (fd, offset) = (header().arena_fd as u64, slot_offset(index));
    // SAFETY: a fresh mapping at a place the kernel chooses, unmapped again; it covers the block.
    unsafe {
        let mapped = syscall6(MMAP, 0, PAGE * 4, PROT_READ, MAP_SHARED, fd, offset);
        if mapped > 0 {
            look(&*(mapped as *const Slot));
            syscall4(MUNMAP, mapped as u64, PAGE * 4, 0, 0);
        }
    }
}

/// A byte of the arena file that a process locks while others rely on it. The kernel unlocks it when
/// that process ends, however it ends and whatever pid namespace it is in.
#[derive(Clone, Copy)]
pub struct Lock(u64);

impl Lock {
    /// Held by who copies a file into the trace.
    pub fn of_file(index: usize) -> Lock {
        Lock(FILE_TABLE_OFFSET + (index * core::mem::size_of::<FileEntry>()) as u64)
    }

    /// Held by the process of a slot while it is a member of a group.
    pub fn of_slot(index: usize) -> Lock {
        Lock(slot_offset(index))
    }

    /// Held by the process of a slot as long as it lives.
    fn of_life(index: usize) -> Lock {
        Lock(slot_offset(index) + LIFE_BYTE)
    }

    fn control(self, command: u64, kind: u64) -> [u64; 4] {
        // struct flock: kind and origin (0: the start), first byte, length, process.
        let mut request = [kind, self.0, 1, 0];
        let fd = header().arena_fd as u64;
        // SAFETY: a struct flock of ours. Should it fail, nobody is known to hold the lock.
        unsafe { syscall3(FCNTL, fd, command, request.as_mut_ptr() as u64) };
        request
    }

    /// Lock it for this process.
    pub fn acquire(self) {
        self.control(numbers::F_SETLK, numbers::F_WRLCK);
    }

    /// Unlock it.
    pub fn release(self) {
        self.control(numbers::F_SETLK, numbers::F_UNLCK);
    }

    /// Whether another process has locked it.
    pub fn is_held_by_another(self) -> bool {
        self.holder().is_some()
    }

    /// The other process that has locked it, by its number in the pid namespace of this one; 0: it has none there.
    fn holder(self) -> Option<u32> {
        let [kind, _, _, process] = self.control(numbers::F_GETLK, numbers::F_WRLCK);
        // The kernel translates it (fs/locks.c: locks_translate_pid).
        (kind & 0xffff != numbers::F_UNLCK).then_some(process as u32)
    }
}

/// What is known here of another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has no lock just now, or shares this process's descriptors and so its locks.
    Unknown,
    Over,
    /// Its number in the pid namespace of this process; 0: it has none there.
    GoesOn(u32),
}

/// Whether a member of a sharing group, as the arena names it, lives.
pub fn life_of(member: u64) -> Life {
    let Some((slot, pid)) = slot_and_pid(member) else {
        return Life::Over;
    };
    let (mut is_current, mut has_lock) = (false, false);
    look_at_slot(slot, |slot| {
        is_current = slot.pid.load(Ordering::Relaxed) == pid
            && slot.state.load(Ordering::Acquire) == slot_state::ACTIVE;
        has_lock = slot.has_life_lock.load(Ordering::Acquire) != 0;
    });
    match Lock::of_life(slot).holder() {
        _ if !is_current => Life::Over,
        _ if !has_lock => Life::Unknown,
        Some(number) => Life::GoesOn(number),
        None if shares_descriptors() => Life::Unknown,
        None => Life::Over,
    }
}

/// Set where processes share one table of descriptors (CLONE_FILES): locks do not tell them apart.
static SHARES_DESCRIPTORS: AtomicBool = AtomicBool::new(false);

/// The process makes a child that shares its descriptors, or is one.
pub fn descriptors_are_shared() {
    SHARES_DESCRIPTORS.store(true, Ordering::Relaxed);
}

/// Whether that is so.
pub fn shares_descriptors() -> bool {
    SHARES_DESCRIPTORS.load(Ordering::Relaxed)
}

/// Let the supervisor see by a lock that this process lives: where pid namespaces differ, it has no other name for it.
pub fn lock_life() {
    let lock = Lock::of_life(own_index());
    let request = [numbers::F_WRLCK, lock.0, 1, 0];
    let fd = header().arena_fd as u64;
    // SAFETY: a struct flock of ours.
    let taken = unsafe { syscall3(FCNTL, fd, numbers::F_SETLK, request.as_ptr() as u64) } == 0;
    slot().has_life_lock.store(taken.into(), Ordering::Release);
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
