//! The registers of threads that do not run: a copy of the process has only those vector registers and segment bases that the
//! thread has which makes it, so each thread leaves its own behind when it lets others run, with its name.

use reenact_freestanding::numbers::{PRCTL, PR_GET_NAME};
use reenact_freestanding::syscall::syscall2;
use reenact_trace::snapshot::NAME_SIZE;

use reenact_interpose::extended_state::{self, ExtendedState, XSAVE_MAX};
use reenact_interpose::Frame;

use crate::segment_bases::whole;
use crate::thread::{self, Thread};

const _: () = assert!(XSAVE_MAX as u64 == thread::VECTORS_SIZE);

/// Where a thread leaves them.
pub fn left(thread: &Thread) -> &ExtendedState {
    // SAFETY: a place in the thread's block that nothing else uses, aligned as the block is.
    unsafe { &*(thread.vectors() as *const ExtendedState) }
}

/// Let others find the registers of a thread, which are in its frame and in the machine.
#[cold]
#[inline(never)]
pub fn leave(thread: &mut Thread) {
    let all = whole(thread);
    thread.bases = [all.fs_base, all.gs_base];
    thread.name = own_name();
    save(thread, &thread.frame);
}

/// Those of the running thread, for a new one that begins with them. `storage`: of its own, where it gets one (CLONE_SETTLS).
pub fn leave_for(new: &mut Thread, creator: &Thread, storage: Option<u64>) {
    let all = whole(creator);
    new.bases = [storage.unwrap_or(all.fs_base), all.gs_base];
    new.name = own_name();
    save(new, &creator.frame);
}

/// What the kernel calls the calling thread.
pub fn own_name() -> [u8; NAME_SIZE] {
    let mut name = [0; NAME_SIZE];
    // SAFETY: room for the longest name.
    unsafe { syscall2(PRCTL, PR_GET_NAME, name.as_mut_ptr() as u64) };
    name
}

fn save(thread: &Thread, frame: &Frame) {
    // SAFETY: as above; only this thread writes there, or its creator before it runs.
    let area = unsafe { &mut *(thread.vectors() as *mut ExtendedState) };
    extended_state::save(frame, crate::signal::components(), area);
}
