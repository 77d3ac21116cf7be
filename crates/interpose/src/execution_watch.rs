//! Notice that an instruction is about to be executed without changing a byte: the processor's breakpoint
//! registers, of which the kernel lets every thread have four (`perf_event_open` with PERF_TYPE_BREAKPOINT).
//!
//! Whoever executes the instruction gets SIGTRAP with the code [`TRAP_PERF`] before it.

use reenact_freestanding::numbers::{
    CLOSE, MAP_FIXED, MAP_SHARED, MMAP, MUNMAP, PAGE, PROT_READ, PROT_WRITE,
};
use reenact_freestanding::syscall::{syscall2, syscall5, syscall6};

/// `si_code` of the signal (include/uapi/asm-generic/siginfo.h).
pub const TRAP_PERF: i32 = 6;
/// Watches that a thread can have.
pub const MOST: usize = 4;

const PERF_EVENT_OPEN: u64 = 298;

/// `struct perf_event_attr` up to PERF_ATTR_SIZE_VER7 (include/uapi/linux/perf_event.h).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_kind: u32,
    breakpoint_address: u64,
    breakpoint_length: u64,
    rest: [u64; 7],
}
const _: () = assert!(size_of::<Attributes>() == 128);

const PERF_TYPE_BREAKPOINT: u32 = 5;
const HW_BREAKPOINT_X: u32 = 4;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const REMOVE_ON_EXEC: u64 = 1 << 36;
const SIGTRAP: u64 = 1 << 37;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;

/// Watch an address in the calling thread, until the page at `place` is unmapped: what is mapped there, which a
/// fork does not inherit, keeps the watch without a descriptor. 0 or -errno.
///
/// # Safety
/// `place` is a page of the caller's own.
pub unsafe fn begin(address: u64, place: u64) -> i64 {
    let attributes = Attributes {
        kind: PERF_TYPE_BREAKPOINT,
        size: size_of::<Attributes>() as u32,
        sample_period: 1,
        flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | REMOVE_ON_EXEC | SIGTRAP,
        breakpoint_kind: HW_BREAKPOINT_X,
        breakpoint_address: address,
        breakpoint_length: size_of::<u64>() as u64,
        ..Attributes::default()
    };
    let any_processor = u64::MAX;
    let no_group = u64::MAX;
    // SAFETY: the structure is complete, and the page is the caller's.
    unsafe {
        let attributes = &raw const attributes as u64;
        let fd = syscall5(
            PERF_EVENT_OPEN,
            attributes,
            0,
            any_processor,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        );
        if fd < 0 {
            return fd;
        }
        let mapped = syscall6(
            MMAP,
            place,
            PAGE,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_FIXED,
            fd as u64,
            0,
        );
        syscall2(CLOSE, fd as u64, 0);
        mapped.min(0)
    }
}

/// End the watch that `place` keeps.
///
/// # Safety
/// `place` was given to [`begin`].
pub unsafe fn end(place: u64) {
    // SAFETY: the caller's page.
    unsafe { syscall2(MUNMAP, place, PAGE) };
}
