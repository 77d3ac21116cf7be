//! The process that a snapshot is written by.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1, syscall3, syscall5};
use reenact_trace::arena::slot_state;
use reenact_trace::snapshot::mapping;
use reenact_trace::EventHeader;

use super::{common, copies, registers, state};
use crate::arena::ChildSlot;
use crate::thread::Thread;
use crate::{address_space, arena, log, sharing_group, signal};

/// Make the copy, unless an earlier one still writes. The program goes on when it is there; without the memory for it, or the
/// right to have another process, there is no snapshot.
pub fn make(thread: &mut Thread, behind: &EventHeader) {
    if copies::is_busy() {
        return;
    }
    thread.name = registers::own_name();
    let Some(slot) = ChildSlot::claim_for_snapshot(log::next_event() - 1) else {
        return;
    };
    // SAFETY: no effect.
    let process = unsafe { syscall0(GETPID) } as u32;
    // The copy is not the one whose turn it is.
    let turn = sharing_group::turn_alone();
    signal::hold_signals();
    advise_fork(false);
    // Without a signal at its end: nobody is told of it.
    // SAFETY: a process with a copy of the memory, which goes on here.
    let result = unsafe { syscall5(CLONE, 0, 0, 0, 0, 0) };
    if result != 0 {
        advise_fork(true);
    } else {
        write(thread, behind, &slot, process, turn);
    }
    if result > 0 {
        copies::made(result as u32);
        if common::is_any() {
            common::wait(&slot.slot().common_written, copies::is_busy);
        }
    }
    signal::set_kernel_mask(thread);
    if result > 0 {
        if arena::header().snapshot_events != 0 {
            // Those that are asked for by a number of events are all there, however fast the program goes on.
            copies::wait();
        }
    } else {
        slot.release();
    }
}

/// Let the copy have what the program's own children do not, or let them not have it again.
fn advise_fork(is_set: bool) {
    address_space::for_areas(0, u64::MAX, |area| {
        for (flag, set, unset) in [
            (mapping::LEFT_OUT, MADV_DONTFORK, MADV_DOFORK),
            (mapping::WIPED, MADV_WIPEONFORK, MADV_KEEPONFORK),
        ] {
            if area.at_fork & flag != 0 {
                let (length, advice) = (area.end - area.start, if is_set { set } else { unset });
                // SAFETY: advice about what forked children have, which the program has given itself.
                unsafe { syscall3(MADVISE, area.start, length, advice) };
            }
        }
    });
}

/// Close what the program has open: whoever waits for the end of a pipe is not to wait for us.
fn close_descriptors() {
    /// Descriptors that are closed one by one where the kernel cannot do it at once (before 5.9).
    const MOST: u64 = 1 << 16;
    let hidden = arena::header().hidden_descriptors();
    let (first, last) = (*hidden.start() as u64, *hidden.end() as u64);
    for (from, to) in [(0, first - 1), (last + 1, u64::from(u32::MAX))] {
        // SAFETY: descriptors of this process alone.
        unsafe {
            if syscall3(CLOSE_RANGE, from, to, 0) < 0 {
                for descriptor in from..=to.min(MOST) {
                    syscall1(CLOSE, descriptor);
                }
            }
        }
    }
}

/// In the copy: write the snapshot.
fn write(
    thread: &Thread,
    behind: &EventHeader,
    slot: &ChildSlot,
    process: u32,
    turn: Option<(u64, u64)>,
) -> ! {
    close_descriptors();
    // SAFETY: of this process alone: what is sent to the program's group or comes from its terminal is not for it.
    unsafe { syscall0(SETSID) };
    if arena::map_slot(arena::header().arena_fd, slot.index) {
        let slot = arena::slot();
        // SAFETY: no effect.
        let pid = unsafe { syscall0(GETPID) } as u32;
        slot.pid.store(pid, Ordering::Relaxed);
        arena::lock_life();
        slot.state.store(slot_state::ACTIVE, Ordering::Release);
        log::continue_from_slot();
        state::write(thread, behind, process, turn);
        slot.state.store(slot_state::ENDED, Ordering::Release);
        arena::ring_doorbell();
    }
    loop {
        // SAFETY: ends this process.
        unsafe { syscall1(EXIT_GROUP, 0) };
    }
}
