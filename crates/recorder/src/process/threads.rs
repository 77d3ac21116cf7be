//! Threads: `clone` with shared memory, and their end.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall4};
use reenact_interpose::entry;
use reenact_trace::Tag;

use super::creation::Creation;
use crate::call::{Call, Outcome};
use crate::confinement::Confinement;
use crate::log::Builder;
use crate::snapshot::{registers, wishes};
use crate::thread::{self, Thread};
use crate::{arming, guest, ptrace, scheduler, signal, streams};

/// Blocks in use, by index; block 0 is the first thread's.
static BLOCKS: [AtomicU32; thread::MOST] = [const { AtomicU32::new(0) }; thread::MOST];

extern "C" {
    /// Mark a block as free and end the thread, without touching its stack in between.
    fn leave_block(block: *const AtomicU32, status: u64) -> !;
}

global_asm!(
    ".globl leave_block",
    "leave_block:",
    "mov dword ptr [rdi], 0",
    "mov rdi, rsi",
    "mov eax, {exit}",
    "syscall",
    "ud2",
    exit = const EXIT,
);

fn claim_block() -> Option<u32> {
    (1..BLOCKS.len()).find_map(|index| {
        BLOCKS[index]
            .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
            .then_some(index as u32)
    })
}

/// Take the next block for a vfork child or give it back.
pub fn reserve_block() -> Option<u32> {
    claim_block()
}

/// A block that nobody runs on any more.
pub fn release_block(index: u32) {
    BLOCKS[index as usize].store(0, Ordering::Relaxed);
}

/// Do something with every thread of the current one's process; children of `vfork` and companions are none.
pub fn for_each(mut act: impl FnMut(&mut Thread)) {
    let current = thread::current();
    let (own, is_companion) = (current.index, current.companion);
    for (index, block) in BLOCKS.iter().enumerate() {
        if index == 0 || block.load(Ordering::Relaxed) != 0 {
            let thread = thread::of_index(index as u32);
            let is_of_it = !is_companion && !thread.companion;
            if !thread.vfork_child && (is_of_it || thread.index == own) {
                act(thread);
            }
        }
    }
}

/// The thread that runs here, by what the kernel calls it.
pub fn of_tid(tid: u32) -> Option<&'static mut Thread> {
    let is_used = |index: usize| index == 0 || BLOCKS[index].load(Ordering::Relaxed) != 0;
    let used = (0..BLOCKS.len()).filter(|&index| is_used(index));
    used.map(|index| thread::of_index(index as u32))
        .find(|thread| thread.tid == tid && !thread.has_ended)
}

/// Whether a child of `vfork` runs in this memory.
pub fn has_vfork_child() -> bool {
    let is_used = |index: &usize| BLOCKS[*index].load(Ordering::Relaxed) != 0;
    let mut used = (1..BLOCKS.len()).filter(is_used);
    used.any(|index| thread::of_index(index as u32).vfork_child)
}

/// After a fork only the block of the calling thread is in use.
pub fn after_fork(own: u32) {
    if own != 0 {
        thread::of_index(0).confinement = Confinement::default();
    }
    for (index, block) in BLOCKS.iter().enumerate().skip(1) {
        if index != own as usize && block.load(Ordering::Relaxed) != 0 {
            block.store(0, Ordering::Relaxed);
        }
    }
}

/// A task with CLONE_VM and CLONE_THREAD.
pub fn create(call: &mut Call<'_>, mut creation: Creation) -> Outcome {
    let Creation {
        flags,
        stack,
        child_tid,
        ..
    } = creation;
    if call.thread.companion {
        crate::message::once(
            "clone: threads of a process that shares the memory of another one are not recorded; the program was told EAGAIN",
        );
        return Outcome::Done(-EAGAIN);
    }
    let Some(index) = claim_block() else {
        crate::message::once("more than 4096 threads at once; clone was told EAGAIN");
        return Outcome::Done(-EAGAIN);
    };
    let Some(child) = thread::create(index) else {
        release_block(index);
        return Outcome::Done(-EAGAIN);
    };
    child.frame.begin_at(&call.thread.frame, stack);
    if wishes::are_taken() {
        registers::leave_for(child, call.thread, creation.storage());
    }
    child.mask = call.thread.mask;
    child.confinement = call.thread.confinement;
    (child.actions, child.descriptors) = (call.thread.actions, call.thread.descriptors);
    child.time_stamps_fault = call.thread.time_stamps_fault;
    child.time_stamps_refused = call.thread.time_stamps_refused;
    if flags & CLONE_CHILD_CLEARTID != 0 {
        child.clear_child_tid = child_tid;
    }
    // The kernel would write the child's tid from the child, at any time, and clear it at the
    // thread's end: both are done by us, at places the log knows.
    let without = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    let traced = ptrace::children::expect(call.thread, flags);
    if let Some(traced) = traced {
        traced.prepare(child);
    }
    scheduler::thread_added();
    // SAFETY: the new thread runs on its own block's stack.
    let result = unsafe {
        creation.share(
            without,
            child.frame.stack_top - 64,
            thread_main,
            child as *mut Thread as u64,
        )
    };
    if result < 0 {
        scheduler::thread_not_added();
        if let Some(traced) = traced {
            traced.cancel();
        }
        release_block(index);
        return Outcome::Done(result);
    }
    if flags & CLONE_FILES == 0 {
        streams::tables_are_several();
    }
    // It says so itself, but perhaps late.
    child.tid = result as u32;
    creation.log_outputs(&mut call.event);
    if flags & CLONE_CHILD_SETTID != 0 {
        let tid = (result as u32).to_le_bytes();
        if guest::write(child_tid, &tid) {
            call.event.bytes(Tag::Write, child_tid, &tid);
        }
    }
    if let Some(traced) = traced {
        let process = ptrace::links::own_process();
        traced.made(call.thread, result as u32, process);
    }
    scheduler::enqueue_new(child);
    Outcome::Done(result)
}

/// First code of a new thread.
extern "C" fn thread_main(thread: u64) -> ! {
    arming::arm();
    // SAFETY: our own block.
    let thread = unsafe { &mut *(thread as *mut Thread) };
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETTID) } as u32;
    signal::arm_stack(thread);
    // The creator's may have kept something back that is not its program's to block.
    signal::set_kernel_mask(thread);
    scheduler::acquire_first(thread);
    ptrace::children::first_stop(thread);
    if signal::queued(thread) {
        signal::deliver_queued(thread, signal::Moment::AfterEvent, None);
    }
    // SAFETY: the frame was filled by the creator, and we have the token.
    unsafe { entry::go_on(&mut thread.frame) }
}

/// `exit` of one of several threads. The `Exit` event has been logged by the caller.
pub fn end(thread: &mut Thread, mut event: Builder, status: u64) -> ! {
    signal::timer::forget(thread, true);
    super::robust::release(thread, &mut event);
    let address = thread.clear_child_tid;
    if address != 0 && guest::write(address, &[0; 4]) {
        event.bytes(Tag::Write, address, &[0; 4]);
    }
    event.commit();
    thread.has_ended = true;
    // The first thread's block stays.
    thread.confinement = Confinement::default();
    ptrace::endings::thread_ends(thread, (status as u32 & 0xff) << 8, false);
    ptrace::stops::forget(thread);
    // From here on no signal may use this thread's block.
    let all = u64::MAX;
    // SAFETY: a mask of ours; SIG_SETMASK = 2. Then a futex word of the program: whoever joins
    // this thread waits there.
    unsafe {
        syscall4(RT_SIGPROCMASK, 2, &raw const all as u64, 0, 8);
        if address != 0 {
            syscall4(FUTEX, address, FUTEX_WAKE, 1, 0);
        }
        let block = &raw const BLOCKS[thread.index as usize];
        scheduler::leave();
        leave_block(block, status)
    }
}
