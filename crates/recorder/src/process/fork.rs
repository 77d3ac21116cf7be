//! A child with a copy of the memory: it gets a log of its own.

use core::sync::atomic::{AtomicU8, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;
use reenact_trace::arena::{mechanism, slot_state};
use reenact_trace::event::start;
use reenact_trace::{EventKind, Tag};

use super::creation::Creation;
use crate::arena::ChildSlot;
use crate::call::{Call, Outcome};
use crate::log::{self, Builder};
use crate::snapshot::{copies, wishes};
use crate::thread::Thread;
use crate::{
    address_space, arena, arming, companions, descriptor_table, guest, ptrace, scheduler,
    sharing_group, signal,
};
use reenact_interpose::interruptible::NOT_BEGUN;

/// `fork`, and its relatives without shared memory.
pub fn fork(call: &mut Call<'_>, mut creation: Creation) -> Outcome {
    let flags = creation.flags;
    if !log::recording() {
        return unrecorded(call, creation);
    }
    if crate::shared::is_inherited() {
        sharing_group::join(call);
    }
    let parent_event = log::next_event();
    let Some(slot) = ChildSlot::claim(start::FORK, parent_event) else {
        crate::message::once("more than 4096 processes at once; fork was told EAGAIN");
        return Outcome::Done(-EAGAIN);
    };
    let parent_process = arena::slot().process.load(Ordering::Relaxed);
    // Before the fork: the slot may be another process's when the parent ends before the child runs.
    let inherited: [u8; 1024] =
        core::array::from_fn(|fd| companions::descriptors()[fd].load(Ordering::Relaxed));
    let table = descriptor_table::copied_size();
    // The kernel would let nobody else of this process or its group run until the child has executed
    // another image, for which the child may need a turn: that is waited for behind the event.
    let is_awaited = flags & CLONE_VFORK != 0 && scheduler::is_shared();
    let without = if is_awaited { CLONE_VFORK } else { 0 };
    if is_awaited {
        let word = &arena::waiter(slot.index).parent_waits;
        word.store(1, Ordering::Release);
    }
    if flags & CLONE_FILES != 0 {
        arena::descriptors_are_shared();
    }
    let traced = ptrace::children::expect(call.thread, flags | creation.end_signal());
    // What is sent to the child waits until its queue is not its parent's any more.
    signal::hold_signals();
    // SAFETY: a new process; both sides go on below.
    let result = unsafe { creation.copy(without, call.thread.queued.as_ptr()) };
    if result != 0 {
        signal::set_kernel_mask(call.thread);
    }
    if let (true, Some(traced)) = (result < 0, traced) {
        traced.cancel();
    }
    match result {
        0 => {
            in_child(
                call,
                &slot,
                parent_process,
                parent_event,
                (&inherited, table),
                &creation,
            );
            if let Some(traced) = traced {
                traced.begin(call.thread);
            }
            Outcome::Finished
        }
        NOT_BEGUN => {
            slot.release();
            Outcome::Interrupted
        }
        pid if pid > 0 => {
            // It may be killed before it comes to say anything itself.
            slot.slot().child_created(slot.process, pid as u32);
            if let Some(traced) = traced {
                traced.made(call.thread, pid as u32, pid as u32);
            }
            call.event.process(slot.process, pid as u32);
            if is_awaited {
                call.thread.awaited_child = (slot.index as u64) << 32 | pid as u64;
            }
            creation.log_outputs(&mut call.event);
            Outcome::Done(pid)
        }
        error => {
            slot.release();
            Outcome::Done(error)
        }
    }
}

/// Recording has stopped: children are not recorded either, but stay under our dispatch.
fn unrecorded(call: &mut Call<'_>, mut creation: Creation) -> Outcome {
    // Where its images will be started by the recorder, too, the child says in its slot what to start.
    let slot = if arena::header().mechanism == mechanism::SECCOMP {
        ChildSlot::claim(start::FORK, log::next_event())
    } else {
        None
    };
    // SAFETY: a new process; both sides go on below.
    let result = unsafe { creation.copy(0, call.thread.queued.as_ptr()) };
    if result < 0 {
        if let Some(slot) = &slot {
            slot.release();
        }
    }
    if result == NOT_BEGUN {
        return Outcome::Interrupted;
    }
    if result == 0 {
        arming::arm();
        if let Some(slot) = &slot {
            arena::map_slot(arena::header().arena_fd, slot.index);
        }
        if creation.stack != 0 {
            call.thread.frame.registers.rsp = creation.stack;
        }
        if creation.flags & CLONE_CLEAR_SIGHAND != 0 {
            signal::clear_handlers();
        }
    }
    Outcome::Done(result)
}

/// Attach the four bytes at an address, if there is memory.
fn log_word(event: &mut Builder, address: u64) {
    let mut word = [0u8; 4];
    if guest::read(address, &mut word) {
        event.bytes(Tag::Write, address, &word);
    }
}

fn in_child(
    call: &mut Call<'_>,
    slot: &ChildSlot,
    parent_process: u32,
    parent_event: u64,
    (inherited, table): (&[u8; 1024], u32),
    creation: &Creation,
) {
    let flags = creation.flags;
    // First of all: no trap before this would be survived.
    arming::arm();
    if !arena::map_slot(arena::header().arena_fd, slot.index) {
        log::stop();
    }
    // SAFETY: no effect.
    let (pid, parent) = unsafe { (syscall0(GETPID) as u32, syscall0(GETPPID) as u32) };
    let mine = arena::slot();
    descriptor_table::set_size(table);
    for (fd, &bits) in inherited.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        let _: &AtomicU8 = &mine.exec.descriptors[fd];
        mine.exec.descriptors[fd].store(bits, Ordering::Relaxed);
    }
    mine.process.store(slot.process, Ordering::Relaxed);
    mine.pid.store(pid, Ordering::Relaxed);
    arena::lock_life();
    mine.state.store(slot_state::ACTIVE, Ordering::Release);
    log::continue_from_slot();
    signal::timer::forget(call.thread, false);
    signal::dirty::after_fork();
    scheduler::after_fork();
    super::threads::after_fork(call.thread.index);
    crate::shared::after_fork();
    crate::last_outputs::after_fork();
    address_space::after_fork();
    copies::after_fork();
    wishes::after_fork();

    let thread: &mut Thread = call.thread;
    thread.tid = pid;
    thread.descriptors = 0;
    thread.vfork_child = false;
    companions::after_fork(thread);
    crate::suspects::after_fork(thread);
    crate::asynchronous_io::after_fork();
    signal::forget_held(thread);
    ptrace::children::after_fork(thread);
    thread.frame.finish_call(0);
    let registers = &mut thread.frame.registers;
    if creation.stack != 0 {
        registers.rsp = creation.stack;
    }
    if flags & CLONE_CLEAR_SIGHAND != 0 {
        signal::clear_handlers();
    }
    let mut event = Builder::new(EventKind::ProcessStart, start::FORK);
    event.header.args = [
        u64::from(parent_process),
        parent_event,
        u64::from(pid),
        u64::from(parent),
        0,
        0,
    ];
    // A replay copies the parent when the parent has these already, which the child never sees.
    for (flag, address) in creation.stored() {
        if flags & flag != 0 {
            log_word(&mut event, address);
        }
    }
    if flags & CLONE_CHILD_SETTID != 0 {
        log_word(&mut event, creation.child_tid);
    }
    event.commit();
    sharing_group::after_fork(thread);
    if flags & CLONE_CHILD_CLEARTID != 0 {
        thread.clear_child_tid = creation.child_tid;
    }
    signal::set_kernel_mask(thread);
}
