//! `vfork`, `posix_spawn`: a child that runs in the parent's memory while the parent waits.
//! Until its exec or exit it is recorded in the parent's log, under its own thread id.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;
use reenact_trace::event::flags;
use reenact_trace::EventKind;

use super::creation::Creation;
use crate::call::{Call, Outcome};
use crate::log::Builder;
use crate::thread::{self, Thread};
use crate::{arming, companions, descriptor_table, ptrace, signal};
use reenact_interpose::entry;

/// `vfork`, and its relatives with CLONE_VM and CLONE_VFORK.
pub fn vfork(call: &mut Call<'_>, mut creation: Creation) -> Outcome {
    let has = |flag| creation.flags & flag != 0;
    let (shares_actions, shares_descriptors) = (has(CLONE_SIGHAND), has(CLONE_FILES));
    let stack = creation.stack;
    let parent: *mut Thread = call.thread;
    let block = super::threads::reserve_block();
    let Some((block, child)) = block.and_then(|block| Some((block, thread::create(block)?))) else {
        return Outcome::Done(-ENOMEM);
    };
    // It goes into the log when there is a child: what follows is the child's.
    let header = call.event.set_aside();
    call.thread.blocked_call = header;
    call.thread.blocked_call.flags |= flags::VFORK;

    child.frame.begin_at(&call.thread.frame, stack);
    child.vfork_child = true;
    child.parent = parent;
    child.mask = call.thread.mask;
    child.confinement = call.thread.confinement;
    (child.actions, child.descriptors) = (call.thread.actions, call.thread.descriptors);
    child.time_stamps_fault = call.thread.time_stamps_fault;
    child.time_stamps_refused = call.thread.time_stamps_refused;
    child.alternate_stack = call.thread.alternate_stack;
    call.thread.vfork_process = 0;
    let traced = ptrace::children::expect(call.thread, creation.flags | creation.end_signal());
    if let Some(traced) = traced {
        traced.prepare(child);
    }
    // The kernel gives the child its own copy of these, though the memory is shared: of what the program does
    // with signals even where the program wants them shared, as the recorder's own actions end with an image.
    let actions = signal::snapshot_actions();
    let descriptors: [u8; 1024] =
        core::array::from_fn(|fd| companions::descriptors()[fd].load(Ordering::Relaxed));
    let table = descriptor_table::size();
    thread::set_current(child);
    // Until it has a signal stack of its own, the child's signals would be taken for its parent's.
    signal::hold_signals();
    if has(CLONE_CLEAR_SIGHAND) {
        child.clears_handlers = true;
    }
    // SAFETY: the child runs on its own thread block's stack while we wait.
    let result = unsafe { creation.share(CLONE_SIGHAND, child.frame.stack_top - 64, in_child, 0) };
    thread::set_current(parent);
    if result < 0 {
        call.event.go_on(&header);
    } else {
        // It may have been killed before it came to that.
        log_call(call.thread);
    }
    signal::set_kernel_mask(call.thread);
    super::exec::clear_after_child(child);
    super::threads::release_block(block);
    if shares_actions {
        signal::adopt_actions(&actions);
    } else {
        signal::restore_actions(&actions);
    }
    if !shares_descriptors {
        descriptor_table::set_size(table);
        for (fd, bits) in descriptors.into_iter().enumerate() {
            let now = &companions::descriptors()[fd];
            if now.load(Ordering::Relaxed) != bits {
                now.store(bits, Ordering::Relaxed);
            }
        }
    }

    if result < 0 {
        if let Some(traced) = traced {
            traced.cancel();
        }
        return Outcome::Done(result);
    }
    if let Some(traced) = traced {
        traced.told_late(call.thread, result as u32);
    }
    let event = &mut call.event;
    event.replace(EventKind::VforkReturn, header.code);
    event.header.ip = call.thread.frame.registers.rip;
    event.header.flags = flags::IMMEDIATE;
    if call.thread.vfork_process != 0 {
        event.process(call.thread.vfork_process, result as u32);
    }
    creation.log_outputs(event);
    Outcome::Done(result)
}

/// Log the call that made the child, once.
fn log_call(parent: &mut Thread) {
    let header = core::mem::take(&mut parent.blocked_call);
    if header.kind == 0 {
        return;
    }
    let mut event = Builder::new(EventKind::Syscall, header.code);
    *event.header = header;
    event.commit();
}

/// The child's first moments.
extern "C" fn in_child(_: u64) -> ! {
    arming::arm();
    let thread = thread::current();
    // SAFETY: the parent waits until the child is gone.
    log_call(unsafe { &mut *thread.parent });
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETPID) } as u32;
    signal::arm_stack(thread);
    if core::mem::take(&mut thread.clears_handlers) {
        signal::clear_handlers();
    }
    signal::set_kernel_mask(thread);
    crate::suspects::take_turn(thread);
    ptrace::children::first_stop(thread);
    // SAFETY: the frame was filled by the parent.
    unsafe { entry::go_on(&mut thread.frame) }
}
