//! Which pages the program has written since the last landing: the kernel can tell by write
//! protection that it lifts itself (userfaultfd with WP_ASYNC, Linux 6.7). Then a landing reads
//! those pages only: every page written since the last event is among them, because the last
//! landing is an event.
//!
//! Design constraints:
//! * The first write to a page costs a fault, and huge pages are split: nothing is protected
//!   before a landing finds much memory.
//! * What is not protected counts as written: memory mapped since, memory of a forked child.
//! * The program must not see it: protected memory and memory that is not stay two mappings where
//!   they would be one, which `mremap` and the files under /proc that show mappings tell.

use core::sync::atomic::{AtomicU32, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall3};

use crate::hidden_descriptors;

/// Pages of anonymous memory from which on it pays: to read so many takes some milliseconds.
const MANY_PAGES: u64 = 4096;

mod state {
    pub const OFF: u32 = 0;
    pub const ON: u32 = 1;
    /// The kernel does not have it.
    pub const IMPOSSIBLE: u32 = 2;
}

static STATE: AtomicU32 = AtomicU32::new(state::OFF);

/// Whether written pages can be asked for.
pub fn is_on() -> bool {
    STATE.load(Ordering::Relaxed) == state::ON
}

/// A landing is made while `pages` of the program's own memory are resident: begin if it pays.
pub fn begin_if_worth_it(pages: u64) {
    if pages < MANY_PAGES || STATE.load(Ordering::Relaxed) != state::OFF {
        return;
    }
    let begun = begin();
    let new = if begun { state::ON } else { state::IMPOSSIBLE };
    STATE.store(new, Ordering::Relaxed);
}

fn begin() -> bool {
    const USER_MODE_ONLY: u64 = 1;
    /// `_IOWR(0xaa, 0x3f, struct uffdio_api)` of include/uapi/linux/userfaultfd.h.
    const API: u64 = 0xc018_aa3f;
    const VERSION: u64 = 0xaa;
    const WP_UNPOPULATED: u64 = 1 << 13;
    const WP_ASYNC: u64 = 1 << 15;
    let mut request = [VERSION, WP_ASYNC | WP_UNPOPULATED, 0];
    // SAFETY: a descriptor of ours, and a request of ours.
    unsafe {
        let fd = syscall1(numbers::USERFAULTFD, O_CLOEXEC | USER_MODE_ONLY);
        if fd < 0 {
            return false;
        }
        let agreed = syscall3(IOCTL, fd as u64, API, request.as_mut_ptr() as u64) == 0;
        let hidden = hidden_descriptors::tracking_fd();
        let moved = agreed && syscall3(numbers::DUP3, fd as u64, hidden, O_CLOEXEC) >= 0;
        syscall1(CLOSE, fd as u64);
        moved
    }
}

/// Protect a range of whole mappings from now on.
pub fn register(from: u64, to: u64) {
    /// `_IOWR(0xaa, 0, struct uffdio_register)`.
    const REGISTER: u64 = 0xc020_aa00;
    const WRITE_PROTECTION: u64 = 2;
    let mut request = [from, to - from, WRITE_PROTECTION, 0];
    // SAFETY: it changes nothing of the memory; where it fails, all of it counts as written.
    unsafe {
        syscall3(
            IOCTL,
            hidden_descriptors::tracking_fd(),
            REGISTER,
            request.as_mut_ptr() as u64,
        )
    };
}

/// The program is about to move mappings: they must be as it believes.
pub fn release(from: u64, length: u64) {
    /// `_IOR(0xaa, 1, struct uffdio_range)`.
    const UNREGISTER: u64 = 0x8010_aa01;
    if !is_on() {
        return;
    }
    let start = from & !(PAGE - 1);
    let end = from.saturating_add(length).next_multiple_of(PAGE);
    let request = [start, end.saturating_sub(start)];
    // SAFETY: as for `register`.
    unsafe {
        syscall3(
            IOCTL,
            hidden_descriptors::tracking_fd(),
            UNREGISTER,
            request.as_ptr() as u64,
        )
    };
}

/// Memory has been mapped, or made writable: let it join its neighbours, as it would if they were not
/// protected. Later it is too late: once both have been written to, the kernel keeps them apart
/// (is_mergeable_anon_vma of mm/vma.c).
pub fn join_neighbours(start: u64, length: u64) {
    if is_on() {
        release(start.wrapping_sub(PAGE), PAGE);
        release(start.saturating_add(length), PAGE);
    }
}

/// The program is about to look at its mappings: protect none. The next landing may begin anew.
pub fn stop() {
    if STATE
        .compare_exchange(state::ON, state::OFF, Ordering::Relaxed, Ordering::Relaxed)
        .is_ok()
    {
        // The kernel closes it, and lifts all protection.
        hidden_descriptors::occupy_tracking();
    }
}

/// In a forked child, where nothing is protected and the descriptor is about the parent's memory.
pub fn after_fork() {
    stop();
}
