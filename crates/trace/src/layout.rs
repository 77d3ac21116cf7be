//! Where reenact lives in the address space of a recorded or replayed process.
//!
//! One fixed region holds everything of ours, in both the recorded and the
//! replaying process, so that the program's own mappings fall at the same
//! addresses in both. 0x6800_0000_0000 is used by neither the kernel's default
//! placement (0x55…, 0x7f…) nor by the sanitizers (ASan 0x6000…–0x6400…,
//! MSan 0x5000…/0x7000…), the JVM or Go (0xc0_0000_0000).

/// First address of the reserved region. The recorder and the replayer are linked here.
pub const REGION_START: u64 = 0x6800_0000_0000;
/// One past the last address of the reserved region (1 TiB).
pub const REGION_END: u64 = 0x6900_0000_0000;

/// Arena header and file table are mapped here in a recorded process.
pub const ARENA_ADDRESS: u64 = REGION_START + (16 << 30);
/// The process's own slot (control block and ring) is mapped here in a recorded process.
pub const SLOT_ADDRESS: u64 = REGION_START + (20 << 30);
/// The kernel's vDSO and vvar are moved here in a recorded process.
pub const MOVED_VDSO_ADDRESS: u64 = REGION_START + (24 << 30);
/// Stacks and per-thread blocks of the recorder.
pub const THREADS_ADDRESS: u64 = REGION_START + (28 << 30);

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

const REGION_BITS: u32 = 40;
const _: () = assert!(REGION_END - REGION_START == 1 << REGION_BITS);
const _: () = assert!(REGION_START.is_multiple_of(1 << REGION_BITS));
