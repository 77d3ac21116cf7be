//! What the threads of a process have in common.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1, syscall3, syscall4};
use reenact_trace::arena::slot_state;
use reenact_trace::attaching::Attaching;
use reenact_trace::event::start;
use reenact_trace::EventKind;

use super::threads::fill;
use super::{mapped, threads};
use crate::confinement::Confinement;
use crate::log::{self, Builder};
use crate::thread::{self, Thread};
use crate::{
    arena, arming, heap, hidden_descriptors, limits, proc_files, sharing_group, signal, vdso,
};

/// The path by which a process finds its program.
const PROGRAM: &core::ffi::CStr = c"/proc/self/exe";

/// Take the process over, in its first thread: where the thread's stack begins. -errno on failure.
pub fn take_over(told: &Attaching) -> Result<u64, i64> {
    let descriptor = told.arena as i32;
    if !arena::map_header(descriptor) || !arena::map_slot(descriptor, 0) {
        return Err(-ENOMEM);
    }
    let thread = thread::create(0).ok_or(-ENOMEM)?;
    thread::set_current(thread);
    fill(&mut thread.frame, &told.thread);
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETTID) } as u32;
    arming::arm_attached()?;
    signal::take_over_actions();
    threads::take_over_signals(thread, &told.thread);
    let slot = arena::slot();
    slot.pid.store(thread.tid, Ordering::Relaxed);
    arena::lock_life();
    slot.state.store(slot_state::ACTIVE, Ordering::Release);
    log::continue_from_slot();
    thread.confinement = Confinement::of_first_image();
    log_start(thread);
    name_program();
    heap::set([told.heap[0], told.heap[1]]);
    limits::begin(0);
    if mapped::has_objects(told) {
        // Logs its turn.
        sharing_group::enter(thread);
    } else {
        Builder::new(EventKind::Preempted, 0).commit();
    }
    let mut event = Builder::new(EventKind::Preempted, 0);
    mapped::record(told, &mut event);
    vdso::take_over(Some(told.vdso), &mut event);
    event.header.ip = thread.frame.registers.rip;
    event.commit();
    Ok(thread.frame.stack_top)
}

fn log_start(thread: &Thread) {
    let mut event = Builder::new(EventKind::ProcessStart, start::ATTACHED);
    // SAFETY: no effect.
    let parent = unsafe { syscall0(GETPPID) } as u64;
    event.header.args = [u64::from(u32::MAX), 0, u64::from(thread.tid), parent, 0, 0];
    event.commit();
}

fn name_program() {
    let mut path = [0u8; 4096];
    let (name, into) = (PROGRAM.as_ptr() as u64, path.as_mut_ptr() as u64);
    // SAFETY: a name and a buffer of ours.
    let length = unsafe { syscall3(READLINK, name, into, 4095) };
    proc_files::set_executable(&path[..length.max(0) as usize]);
    // SAFETY: a name of ours; a descriptor that is closed again.
    unsafe {
        let program = syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0);
        if program >= 0 {
            hidden_descriptors::keep_program(program as i32);
            syscall1(CLOSE, program as u64);
        }
    }
}
