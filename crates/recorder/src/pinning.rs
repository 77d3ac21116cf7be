//! CPUID in code made at run time, on machines where CPUID cannot be made to fault.
//!
//! Such an instruction is executed without our notice, and its answer contains the number of the processor.
//! The JVM does this at its start: it maps executable memory, writes a function that asks, and runs it. So a
//! thread that has mapped executable memory of its own is bound to the processor it runs on, and what that
//! processor answers is logged. The binding ends at the thread's next call that is not about memory or
//! signals.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::syscall::syscall3;
use reenact_syscalls::{Class, SignalAction};
use reenact_trace::Tag;

use crate::cpuid;
use crate::log::Builder;
use crate::signal;
use crate::thread::Thread;

/// Compilers that make memory executable for each function need not be watched for ever.
const MOST: u32 = 64;
static LEFT: AtomicU32 = AtomicU32::new(MOST);

/// Words of a set of processors: as many as any kernel is built for.
const SET_WORDS: usize = 8192 / 64;
/// Processors that the pinned thread may use otherwise, and bytes of that set; 0: it may again.
static mut ALLOWED: [u64; SET_WORDS] = [0; SET_WORDS];
static ALLOWED_SIZE: AtomicU32 = AtomicU32::new(0);
/// The thread that is kept on one processor, as far as the log says; 0: none.
static PINNED: AtomicU32 = AtomicU32::new(0);

/// Leaves that hold a processor's own number, and how many subleaves of them are of use (Intel SDM
/// volume 2 and AMD APM volume 3, CPUID).
const NAMING: [(u32, u32); 5] = [
    (0x1, 1),
    (0xb, 4),
    (0x1f, 6),
    (0x8000_001e, 1),
    (0x8000_0026, 4),
];
const ANSWER: usize = 24;
const NAMES: usize = 16 * ANSWER;

/// How a processor names itself: its number, bytes in use, answers.
struct Names {
    processor: u32,
    used: usize,
    bytes: [u8; NAMES],
}
static mut NAMES_OF_LAST: Names = Names {
    processor: u32::MAX,
    used: 0,
    bytes: [0; NAMES],
};

/// What was told of the processor where a thread is kept; `None`: none is.
pub fn names() -> Option<&'static [u8]> {
    // SAFETY: one thread at a time.
    let names = unsafe { &*(&raw const NAMES_OF_LAST).cast::<Names>() };
    (PINNED.load(Ordering::Relaxed) != 0).then(|| &names.bytes[..names.used])
}

/// Keep the calling thread where it is; `event` is that of the call that made memory for code.
#[cold]
pub fn begin(thread: &Thread, event: &mut Builder) {
    let left = LEFT.load(Ordering::Relaxed);
    if left == 0 || PINNED.load(Ordering::Relaxed) != 0 || thread.vfork_child {
        return;
    }
    LEFT.store(left - 1, Ordering::Relaxed);
    // SAFETY: one thread at a time.
    let allowed = unsafe { &mut *(&raw mut ALLOWED).cast::<[u64; SET_WORDS]>() };
    let room = size_of_val(allowed) as u64;
    // SAFETY: fills our set.
    let size = unsafe {
        syscall3(
            numbers::SCHED_GETAFFINITY,
            0,
            room,
            allowed.as_mut_ptr() as u64,
        )
    };
    let processor = current();
    let mut one = [0u64; SET_WORDS];
    if size <= 0 || processor as usize >= 64 * SET_WORDS {
        return;
    }
    one[processor as usize / 64] = 1 << (processor % 64);
    // SAFETY: a set of ours, for the calling thread.
    if unsafe {
        syscall3(
            numbers::SCHED_SETAFFINITY,
            0,
            size as u64,
            one.as_ptr() as u64,
        )
    } < 0
    {
        return;
    }
    ALLOWED_SIZE.store(size as u32, Ordering::Relaxed);
    PINNED.store(thread.tid, Ordering::Relaxed);
    // SAFETY: one thread at a time.
    let names = unsafe { &mut *(&raw mut NAMES_OF_LAST).cast::<Names>() };
    if names.processor != processor {
        names.processor = processor;
        ask(names);
    }
    event.bytes(
        Tag::Processor,
        u64::from(processor),
        &names.bytes[..names.used],
    );
    // Should it compute and call nothing, the timer ends this.
    signal::timer::arm(thread);
}

fn ask(names: &mut Names) {
    let highest = [cpuid::ask(0, 0).eax, cpuid::ask(0x8000_0000, 0).eax];
    names.used = 0;
    for (leaf, count) in NAMING {
        if leaf > highest[(leaf >> 31) as usize] {
            continue;
        }
        for subleaf in 0..count {
            let answer = cpuid::ask(leaf, subleaf);
            let words = [
                leaf, subleaf, answer.eax, answer.ebx, answer.ecx, answer.edx,
            ];
            for word in words {
                names.bytes[names.used..names.used + 4].copy_from_slice(&word.to_le_bytes());
                names.used += 4;
            }
        }
    }
}

/// The number of the processor, as the vDSO's getcpu finds it (arch/x86/include/asm/segment.h).
fn current() -> u32 {
    const NODE_SEGMENT: u32 = 15 * 8 + 3;
    const NUMBER: u32 = 0xfff;
    let limit: u32;
    // SAFETY: reads the limit of a segment that the kernel provides for this.
    unsafe {
        asm!("lsl {limit:e}, {segment:e}", segment = in(reg) NODE_SEGMENT, limit = out(reg) limit,
             options(nomem, nostack));
    }
    limit & NUMBER
}

/// The thread is about to make a call: when that does not arrange memory or signals, it may use all
/// its processors again. Those that do never wait, so that no timer interrupts them.
#[inline]
pub fn at_call(thread: &Thread, class: Class, event: &mut Builder) {
    let pinned = PINNED.load(Ordering::Relaxed);
    if pinned != 0 && pinned == thread.tid {
        use SignalAction::{ReturnFromHandler, SetAction, SetMask, SetStack};
        let is_arranging = matches!(
            class,
            Class::Memory(_) | Class::Signal(SetAction | SetMask | ReturnFromHandler | SetStack)
        );
        if !is_arranging {
            end(thread, event);
        }
    }
}

#[cold]
fn end(thread: &Thread, event: &mut Builder) {
    release(thread);
    PINNED.store(0, Ordering::Relaxed);
    event.bytes(Tag::Processor, 0, &[]);
    if !signal::queued(thread) {
        signal::timer::disarm(thread);
    }
}

/// Let the calling thread use all its processors, if it is the one that may not. From a signal
/// handler too.
#[cold]
pub fn release(thread: &Thread) {
    if PINNED.load(Ordering::Relaxed) == thread.tid {
        let size = ALLOWED_SIZE.swap(0, Ordering::Relaxed);
        if size != 0 {
            // SAFETY: the set that the kernel gave; for the calling thread.
            unsafe {
                syscall3(
                    numbers::SCHED_SETAFFINITY,
                    0,
                    size.into(),
                    &raw const ALLOWED as u64,
                )
            };
        }
    }
}
