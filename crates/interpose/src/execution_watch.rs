//! Notice that an instruction is about to be executed, or memory read or written, without changing a byte: the
//! processor's breakpoint registers, of which the kernel lets every thread have four (`perf_event_open` with
//! PERF_TYPE_BREAKPOINT).
//!
//! Whoever executes the instruction gets SIGTRAP with the code [`TRAP_PERF`] before it; whoever accesses the memory,
//! behind the instruction that does.

use core::sync::atomic::{AtomicU64, Ordering};

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
    rest: [u64; 6],
    signal_data: u64,
}
const _: () = assert!(size_of::<Attributes>() == 128);

const PERF_TYPE_BREAKPOINT: u32 = 5;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const REMOVE_ON_EXEC: u64 = 1 << 36;
const SIGTRAP: u64 = 1 << 37;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;

/// What is watched for, by its number for the kernel (include/uapi/linux/hw_breakpoint.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Access {
    Write = 2,
    ReadOrWrite = 3,
    Execute = 4,
}

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub address: u64,
    /// 1, 2, 4 or 8 bytes, aligned to that; for instructions 8.
    pub length: u64,
    pub access: Access,
    /// What the signal says: `si_perf_data`.
    pub signal_data: u64,
}

impl Watch {
    /// Of an instruction.
    pub fn execution(address: u64) -> Watch {
        Watch {
            address,
            length: size_of::<u64>() as u64,
            access: Access::Execute,
            signal_data: 0,
        }
    }
}

/// Place of `si_perf_data` among the words of `siginfo_t`.
pub const SIGNAL_DATA_AT: usize = 3;
/// Pages that a watch with hits takes at its place.
pub const PAGES_WITH_HITS: u64 = 2;
/// Where `struct perf_event_mmap_page` has `data_head` and `data_tail`.
const HEAD_AT: u64 = 1024;
const TAIL_AT: u64 = 1032;

/// Begin to watch in the calling thread, until what `place` has is unmapped: what is mapped there, which a
/// fork does not inherit, keeps the watch without a descriptor. 0 or -errno.
///
/// # Safety
/// `place` is a page of the caller's own.
pub unsafe fn begin(watch: Watch, place: u64) -> i64 {
    // SAFETY: by contract.
    unsafe { begin_with(watch, place, PAGE) }
}

/// The same; [`take_hits`] tells whether there were any, though the signal got lost beside another.
///
/// # Safety
/// At `place` there are [`PAGES_WITH_HITS`] of the caller's own.
pub unsafe fn begin_with_hits(watch: Watch, place: u64) -> i64 {
    // SAFETY: by contract.
    unsafe { begin_with(watch, place, PAGES_WITH_HITS * PAGE) }
}

unsafe fn begin_with(watch: Watch, place: u64, size: u64) -> i64 {
    let attributes = Attributes {
        kind: PERF_TYPE_BREAKPOINT,
        size: size_of::<Attributes>() as u32,
        sample_period: 1,
        flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR | REMOVE_ON_EXEC | SIGTRAP,
        breakpoint_kind: watch.access as u32,
        breakpoint_address: watch.address,
        breakpoint_length: watch.length,
        signal_data: watch.signal_data,
        ..Attributes::default()
    };
    let any_processor = u64::MAX;
    let no_group = u64::MAX;
    // SAFETY: the structure is complete, and the pages are the caller's.
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
            size,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_FIXED,
            fd as u64,
            0,
        );
        syscall2(CLOSE, fd as u64, 0);
        mapped.min(0)
    }
}

/// Whether there were hits since this was asked last.
///
/// # Safety
/// `place` was given to [`begin_with_hits`], which has succeeded.
pub unsafe fn take_hits(place: u64) -> bool {
    // SAFETY: words of the page that the kernel has mapped there.
    unsafe {
        let head = (*((place + HEAD_AT) as *const AtomicU64)).load(Ordering::Acquire);
        let tail = (*((place + TAIL_AT) as *const AtomicU64)).swap(head, Ordering::Release);
        head != tail
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

/// End the watch that `place` keeps.
///
/// # Safety
/// `place` was given to [`begin_with_hits`].
pub unsafe fn end_with_hits(place: u64) {
    // SAFETY: the caller's pages.
    unsafe { syscall2(MUNMAP, place, PAGES_WITH_HITS * PAGE) };
}
