//! Where reenact lives in the address space of a recorded or replayed process.
//!
//! One fixed region holds everything of ours, in both the recorded and the replaying process, so that
//! the program's own mappings fall at the same addresses in both. Nobody else wants it:
//!
//! * The kernel places position-independent programs from 0x5555_5555_4000 upwards (ELF_ET_DYN_BASE) and
//!   mappings below 0x7fff_ffff_f000 downwards, or from 0x2aaa_aaaa_b000 upwards where stacks are unlimited.
//! * Sanitizers lay a shadow over most of the address space and refuse mappings where they want none. Both
//!   ThreadSanitizer (0x5500… to 0x5680…) and MemorySanitizer (0x5100… to 0x6000…) leave this part to the
//!   program. AddressSanitizer's allocator ends at 0x5400… at most, or begins at 0x6000….
//! * Go's arenas begin at 0xc0_0000_0000 and go on, when they must, at 0x55c0_0000_0000 and the like. The
//!   JVM, V8 and LuaJIT stay below 0x4000_0000_0000, or take what the kernel gives.

/// First address of the reserved region. The recorder and the replayer are linked here.
pub const REGION_START: u64 = 0x5500_0000_0000;
/// One past the last address of the reserved region (256 GiB).
pub const REGION_END: u64 = 0x5540_0000_0000;

/// Arena header and file table are mapped here in a recorded process.
pub const ARENA_ADDRESS: u64 = REGION_START + (16 << 30);
/// The process's own slot (control block and ring) is mapped here in a recorded process.
pub const SLOT_ADDRESS: u64 = REGION_START + (20 << 30);
/// The kernel's vDSO and vvar are moved here in a recorded process.
pub const MOVED_VDSO_ADDRESS: u64 = REGION_START + (24 << 30);
/// Stacks and per-thread blocks of the recorder.
pub const THREADS_ADDRESS: u64 = REGION_START + (28 << 30);

/// Pages that keep the watches of a recorded process's threads.
pub const WATCHES_ADDRESS: u64 = REGION_START + (30 << 30);
/// Those that keep what their tracers watch.
pub const TRACERS_WATCHES_ADDRESS: u64 = REGION_START + (31 << 30);

/// What threads need while they execute another image: [`EXEC_MEMORY_SIZE`] bytes for each.
pub const EXEC_MEMORY_ADDRESS: u64 = REGION_START + (40 << 30);
pub const EXEC_MEMORY_SIZE: u64 = 4 << 20;

/// What a supervisor maps first in a running process that it attaches to ([`crate::attaching`]).
pub const ATTACHING_ADDRESS: u64 = REGION_START + (44 << 30);

/// Control block of a slot that a recorded process has claimed for a child.
pub const CHILD_SLOT_ADDRESS: u64 = SLOT_ADDRESS + (1 << 30);

/// Code cache of the translator in a replaying process.
pub const CODE_CACHE_ADDRESS: u64 = REGION_START + (1 << 30);
/// Heap of the replayer.
pub const REPLAYER_HEAP_ADDRESS: u64 = REGION_START + (64 << 30);

/// Whether an address lies in the reserved region.
pub const fn is_reserved(address: u64) -> bool {
    address >> REGION_BITS == REGION_START >> REGION_BITS
}

/// Whether a range of addresses touches the reserved region.
pub const fn overlaps_region(address: u64, length: u64) -> bool {
    address < REGION_END && address.saturating_add(length) > REGION_START
}

const REGION_BITS: u32 = 38;
const _: () = assert!(REGION_END - REGION_START == 1 << REGION_BITS);
const _: () = assert!(REGION_START.is_multiple_of(1 << REGION_BITS));
