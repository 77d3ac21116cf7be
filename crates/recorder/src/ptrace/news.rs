//! What a tracer's process is told by SIGCHLD when a tracee has stopped: sent by the tracee's recorder, and made to
//! look like the kernel's by the tracer's.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall0, syscall3};
use reenact_trace::ptrace::Link;

use crate::thread::QueuedSignal;

/// Marks the SIGCHLD of a tracee among those with `si_code` SI_QUEUE; the value is the status.
const NEWS: u32 = 0x7472_6163;

/// Send the tracer a SIGCHLD, which its recorder makes look like the kernel's.
pub fn tell_tracer(link: &Link, status: u32) {
    const SI_QUEUE: u32 = numbers::SI_QUEUE as u32;
    let mut info = [0u64; 16];
    info[0] = u64::from(SIGCHLD) | u64::from(NEWS) << 32;
    info[1] = u64::from(SI_QUEUE);
    // SAFETY: no effect.
    let user = unsafe { syscall0(numbers::GETUID) } as u64;
    info[2] = u64::from(link.tracee.load(Ordering::Relaxed)) | user << 32;
    info[3] = u64::from(status);
    let tracer = u64::from(link.tracer_process.load(Ordering::Relaxed));
    // SAFETY: a siginfo of ours.
    unsafe {
        syscall3(
            RT_SIGQUEUEINFO,
            tracer,
            u64::from(SIGCHLD),
            info.as_ptr() as u64,
        )
    };
}

/// `si_code` of a child that has stopped for its tracer.
pub const TRAPPED: u64 = 4;
const EXITED: u64 = 1;
const KILLED: u64 = 2;

/// A SIGCHLD has come. If it is of a tracee it gets the information that the kernel's would have.
pub fn arrive(signal: &mut QueuedSignal) {
    let [number, code, sender, status, ..] = signal.info;
    let is_news = code as u32 as i32 == numbers::SI_QUEUE as i32 && number >> 32 == u64::from(NEWS);
    if !is_news {
        return;
    }
    let (code, value) = match status & 0xff {
        0x7f => (TRAPPED, status >> 8 & 0xff),
        0 => (EXITED, status >> 8 & 0xff),
        number => (KILLED, number & 0x7f),
    };
    signal.info = [0; 16];
    signal.info[..4].copy_from_slice(&[number & 0xffff_ffff, code, sender, value]);
}
