//! `vfork`, `posix_spawn`: a child that runs in the parent's memory while the parent waits.
//! Until its exec or exit it is recorded in the parent's log, under its own thread id.

use core::arch::global_asm;
use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;
use reenact_trace::event::flags;
use reenact_trace::EventKind;

use crate::call::{Call, Outcome};
use crate::log::Builder;
use crate::thread::{self, Thread};
use crate::{arena, arming, signal};
use reenact_interpose::entry;

extern "C" {
    /// `clone` with a stack of ours for the child, which calls `child` there and never returns.
    fn vfork_call(flags: u64, stack: u64, parent_tid: u64, child_tid: u64, tls: u64) -> i64;
}

global_asm!(
    ".globl vfork_call",
    "vfork_call:",
    "mov r10, rcx",
    "mov eax, {clone}",
    "syscall",
    "test rax, rax",
    "jz 2f",
    "ret",
    "2:",
    "xor ebp, ebp",
    "call {child}",
    "ud2",
    clone = const CLONE,
    child = sym in_child,
);

/// `vfork`, and `clone` with CLONE_VM and CLONE_VFORK.
pub fn vfork(call: &mut Call<'_>, arguments: [u64; 5]) -> Outcome {
    let [clone_flags, stack, parent_tid, child_tid, tls] = arguments;
    let parent: *mut Thread = call.thread;
    let block = super::threads::reserve_block();
    let Some((block, child)) = block.and_then(|block| Some((block, thread::create(block)?))) else {
        return Outcome::Done(-ENOMEM);
    };
    // It goes into the log when there is a child: what follows is the child's.
    let header = call.event.set_aside();
    call.thread.blocked_call = header;
    call.thread.blocked_call.flags |= flags::VFORK;

    child.frame.copy_state(&call.thread.frame);
    let registers = &mut child.frame.registers;
    registers.rax = 0;
    registers.rcx = registers.rip;
    registers.r11 = registers.rflags;
    if stack != 0 {
        registers.rsp = stack;
    }
    child.vfork_child = true;
    child.parent = parent;
    child.mask = call.thread.mask;
    child.time_stamps_fault = call.thread.time_stamps_fault;
    child.alternate_stack = call.thread.alternate_stack;
    call.thread.vfork_process = 0;
    // The kernel gives the child its own copy of these, though the memory is shared.
    let actions = signal::snapshot_actions();
    let descriptors: [u8; 1024] =
        core::array::from_fn(|fd| arena::slot().exec.descriptors[fd].load(Ordering::Relaxed));
    thread::set_current(child);
    // Until it has a signal stack of its own, the child's signals would be taken for its parent's.
    signal::hold_signals();
    // SAFETY: the child runs on its own thread block's stack while we wait.
    let result = unsafe {
        vfork_call(
            clone_flags,
            child.frame.stack_top - 64,
            parent_tid,
            child_tid,
            tls,
        )
    };
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
    signal::restore_actions(&actions);
    for (fd, bits) in descriptors.into_iter().enumerate() {
        let now = &arena::slot().exec.descriptors[fd];
        if now.load(Ordering::Relaxed) != bits {
            now.store(bits, Ordering::Relaxed);
        }
    }

    if result < 0 {
        return Outcome::Done(result);
    }
    let event = &mut call.event;
    event.replace(EventKind::VforkReturn, header.code);
    event.header.ip = call.thread.frame.registers.rip;
    event.header.flags = flags::IMMEDIATE;
    if call.thread.vfork_process != 0 {
        event.process(call.thread.vfork_process, result as u32);
    }
    if clone_flags & (CLONE_PARENT_SETTID | CLONE_PIDFD) != 0 {
        event.guest_memory(parent_tid, 4);
    }
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
extern "C" fn in_child() -> ! {
    arming::arm();
    let thread = thread::current();
    // SAFETY: the parent waits until the child is gone.
    log_call(unsafe { &mut *thread.parent });
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETPID) } as u32;
    signal::arm_stack(thread);
    signal::set_kernel_mask(thread);
    crate::suspects::take_turn(thread);
    // SAFETY: the frame was filled by the parent.
    unsafe { entry::go_on(&mut thread.frame) }
}
