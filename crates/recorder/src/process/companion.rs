//! Making and ending companions (see `companions`): processes in the memory of another one. One that its parent waits
//! for (CLONE_VFORK) is one, too, where others run meanwhile, for which it may have to wait.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1, syscall4};
use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::entry;
use reenact_trace::Tag;

use super::creation::Creation;
use super::threads;
use crate::call::{Call, Outcome};
use crate::log::{self, Builder};
use crate::ptrace::stopped::event;
use crate::thread::{self, Thread};
use crate::{arming, companions, guest, message, ptrace, scheduler, signal};

/// Whether a child that its parent waits for is made one: others may run while it does.
pub fn is_for_awaited(call: &Call<'_>, creation: &Creation) -> bool {
    let is_simple = creation.flags & (CLONE_NEWPID | CLONE_THREAD | CLONE_PARENT) == 0;
    // A tracer sees the parent stop before its child goes on.
    let is_traced = ptrace::stops::is_wanted(call.thread, event::VFORK)
        || ptrace::stops::is_wanted(call.thread, event::VFORK_DONE);
    (scheduler::is_shared() || is_traced)
        && !call.thread.vfork_child
        && log::recording()
        && is_simple
}

/// A task with CLONE_VM, without CLONE_THREAD.
pub fn create(call: &mut Call<'_>, mut creation: Creation) -> Outcome {
    let has = |flag| creation.flags & flag != 0;
    let is_awaited = has(CLONE_VFORK);
    if has(CLONE_NEWPID) || call.thread.vfork_child {
        return refused("in a namespace of its own, or made by a child of vfork");
    }
    let Some(child) = prepare(call, &creation) else {
        return refused("more of them at once");
    };
    let awaited = u32::from(is_awaited);
    child.awaited.store(awaited, Ordering::Relaxed);
    creation.tell_end(child.lives.as_ptr() as u64);
    let without = CLONE_CHILD_SETTID | CLONE_SIGHAND | CLONE_VFORK;
    let traced = ptrace::children::expect(call.thread, creation.flags | creation.end_signal());
    if let Some(traced) = traced {
        traced.prepare(child);
    }
    scheduler::thread_added();
    // SAFETY: the new process runs on its own block's stack.
    let result = unsafe {
        creation.share(
            without,
            child.frame.stack_top - 64,
            companion_main,
            child as *mut Thread as u64,
        )
    };
    if result < 0 {
        scheduler::thread_not_added();
        if let Some(traced) = traced {
            traced.cancel();
        }
        companions::remove(child);
        threads::release_block(child.index);
        return Outcome::Done(result);
    }
    creation.log_outputs(&mut call.event);
    if creation.flags & CLONE_CHILD_SETTID != 0 {
        let tid = (result as u32).to_le_bytes();
        if guest::write(creation.child_tid, &tid) {
            call.event.bytes(Tag::Write, creation.child_tid, &tid);
        }
    }
    if is_awaited {
        call.thread.awaited_child = scheduler::awaited_companion(child);
    }
    if let Some(traced) = traced {
        traced.made(call.thread, result as u32, result as u32);
    }
    scheduler::enqueue_new(child);
    Outcome::Done(result)
}

fn refused(what: &str) -> Outcome {
    let text = crate::text!(
        "clone: processes that share memory for longer than until their exec are not recorded {what}; the program was told EAGAIN"
    );
    message::once(text.as_str());
    Outcome::Done(-EAGAIN)
}

/// A thread block for a companion that begins where its creator is.
fn prepare(call: &Call<'_>, creation: &Creation) -> Option<&'static mut Thread> {
    let has = |flag| creation.flags & flag != 0;
    let creator = &*call.thread;
    let index = threads::reserve_block()?;
    let Some(child) = thread::create(index) else {
        threads::release_block(index);
        return None;
    };
    child.frame.begin_at(&creator.frame, creation.stack);
    child.mask = creator.mask;
    child.confinement = creator.confinement;
    child.time_stamps_fault = creator.time_stamps_fault;
    child.time_stamps_refused = creator.time_stamps_refused;
    if has(CLONE_CHILD_CLEARTID) {
        child.clear_child_tid = creation.child_tid;
    }
    // As the kernel does (kernel/fork.c: sas_ss_reset).
    child.alternate_stack = if has(CLONE_VFORK) {
        creator.alternate_stack
    } else {
        AlternateStack::DISABLED
    };
    child.clears_handlers = has(CLONE_CLEAR_SIGHAND);
    child.companion = true;
    child.is_child_of_first = !creator.companion && !has(CLONE_PARENT);
    child.lives.store(1, Ordering::Relaxed);
    let tables = companions::actions_table(creator, has(CLONE_SIGHAND))
        .zip(companions::descriptors_table(creator, has(CLONE_FILES)));
    if let Some((actions, descriptors)) = tables {
        (child.actions, child.descriptors) = (actions, descriptors);
        if !has(CLONE_SIGHAND) {
            signal::copy_actions(actions);
        }
        if companions::add(child) {
            return Some(child);
        }
    }
    threads::release_block(index);
    None
}

/// First code of a companion.
extern "C" fn companion_main(thread: u64) -> ! {
    arming::arm();
    // SAFETY: our own block.
    let thread = unsafe { &mut *(thread as *mut Thread) };
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETPID) } as u32;
    signal::arm_stack(thread);
    signal::set_kernel_mask(thread);
    scheduler::acquire_first(thread);
    if core::mem::take(&mut thread.clears_handlers) {
        signal::clear_handlers();
    }
    ptrace::children::first_stop(thread);
    // SAFETY: the frame was filled by the creator, and we have the token.
    unsafe { entry::go_on(&mut thread.frame) }
}

/// `exit` or `exit_group` of a companion, which the event at hand is about.
pub fn end(thread: &mut Thread, mut event: Builder, number: u64, status: u64) -> ! {
    signal::timer::forget(thread, true);
    super::robust::release(thread, &mut event);
    let address = thread.clear_child_tid;
    if address != 0 && guest::write(address, &[0; 4]) {
        event.bytes(Tag::Write, address, &[0; 4]);
    }
    event.commit();
    ptrace::requests::let_go_of_all();
    ptrace::endings::thread_ends(thread, (status as u32 & 0xff) << 8, true);
    ptrace::stops::forget(thread);
    let all = u64::MAX;
    // SAFETY: a mask of ours; SIG_SETMASK = 2. Then a futex word of the program. The block is given back when the
    // kernel says that this process is gone.
    unsafe {
        syscall4(RT_SIGPROCMASK, 2, &raw const all as u64, 0, 8);
        if address != 0 {
            syscall4(FUTEX, address, FUTEX_WAKE, 1, 0);
        }
        scheduler::pass_on();
        loop {
            syscall1(number, status);
        }
    }
}

/// Give back what companions that are gone have left.
#[cold]
#[inline(never)]
pub fn tidy_up() {
    companions::for_gone(|companion| {
        super::exec::clear_after_child(companion);
        companions::remove(companion);
        scheduler::thread_not_added();
        threads::release_block(companion.index);
    });
}

/// The process whose log this is ends, and companions of it go on.
#[cold]
pub fn first_ends() {
    message::note(
        "a process that shares the memory of another one outlives it; it goes on unrecorded",
    );
}

/// A companion comes in: whether the process whose log this is has gone, so that nothing is logged any more.
#[cold]
#[inline(never)]
pub fn look_for_first(companion: &Thread) {
    if log::recording() && companions::is_first_gone(companion) {
        log::stop();
    }
}
