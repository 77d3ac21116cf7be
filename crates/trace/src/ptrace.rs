//! Who traces whom by `ptrace`, in the arena. The recorders perform `ptrace` themselves: the kernel's stops
//! would be those of the recorder, not of the program. Each traced thread has a link, in which its tracer finds
//! how it has stopped, and leaves what it is asked for.

use core::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

use crate::arena::{SITE_POOL_ENTRIES, SITE_POOL_OFFSET, SLOTS_OFFSET};

/// Offset of the [`Registry`] in the arena.
pub const REGISTRY_OFFSET: u64 = 76 << 20;
/// Offset of the links.
pub const LINKS_OFFSET: u64 = 80 << 20;
/// Bytes from one link to the next.
pub const LINK_STRIDE: u64 = 32 << 10;
/// Number of links: the most threads traced at one moment.
pub const LINK_COUNT: usize = 1024;
/// Bytes that a request can carry either way: a state of vector registers, or a piece of memory.
pub const ROOM: usize = 20 << 10;

/// What concerns all links.
#[repr(C)]
pub struct Registry {
    /// Links that have ever been used: the others are free.
    pub used: AtomicU32,
    /// Futex: grows with whatever a tracer may wait for.
    pub news: AtomicU32,
}

/// Values of [`Link::state`].
pub mod link_state {
    pub const RUNNING: u32 = 0;
    /// It waits for requests.
    pub const STOPPED: u32 = 1;
    /// Seized, and stopped with its group until that goes on; it takes no requests.
    pub const LISTENING: u32 = 2;
    /// It has ended, and its tracer does not know; the kernel will not tell.
    pub const ENDED: u32 = 3;
}

/// Bits of [`Link::asked`]: what the tracee is to do at the next occasion.
pub mod asked {
    /// Take a SIGSTOP, with the information in [`Link::stop_info`].
    pub const SIGSTOP: u32 = 1;
    /// Stop without a signal: a new tracee that is seized, or `PTRACE_INTERRUPT`.
    pub const TRAP: u32 = 2;
    /// Go on untraced.
    pub const RELEASE: u32 = 4;
    /// Know that it is traced: see that all signals of the process come to the recorder.
    pub const NOTICE: u32 = 8;
}

/// Values of [`Link::executes`].
pub mod execution {
    /// The thread itself does, which has its process's number afterwards.
    pub const ITSELF: u32 = 1;
    /// Another one does, and this one ends.
    pub const ANOTHER: u32 = 2;
}

/// A traced thread. Its recorder owns the link while it runs, its tracer while it is stopped.
#[repr(C)]
pub struct Link {
    /// Kernel id of the thread; 0: the link is free.
    pub tracee: AtomicU32,
    /// Process of that thread.
    pub tracee_process: AtomicU32,
    /// Process of the tracer; 0: nobody traces it any more.
    pub tracer_process: AtomicU32,
    /// [`link_state`].
    pub state: AtomicU32,
    /// What the tracer's next wait tells, as `wait4` does; 0: nothing new.
    pub status: AtomicU32,
    /// `PTRACE_O_…`
    pub options: AtomicU32,
    /// 1: by `PTRACE_SEIZE`.
    pub is_seized: AtomicU32,
    /// [`asked`]. A futex for who waits until it is noticed.
    pub asked: AtomicU32,
    /// [`execution`]: whether its process is about to execute another image.
    pub executes: AtomicU32,
    /// How it was let go on: the number of the request (`PTRACE_CONT` …).
    pub resumed_by: AtomicU32,
    /// 1: the stop is that of a group, and there is no information about a signal.
    pub is_group_stop: AtomicU32,
    /// Of a stop in a system call: 1 as it begins, 2 as it ends, 3 where a filter shows it.
    pub in_call: AtomicU32,
    /// What `PTRACE_GETEVENTMSG` tells.
    pub message: AtomicU64,
    /// The `siginfo_t` of the stop.
    pub info: [AtomicU64; 16],
    /// That of a SIGSTOP that is on its way.
    pub stop_info: [AtomicU64; 16],
    /// Futexes: number of the last request, and of the last one that was answered.
    pub posted: AtomicU32,
    pub answered: AtomicU32,
    /// Number, address, data; bytes of `room` that come with it.
    pub request: [AtomicU64; 3],
    pub sent: AtomicU32,
    /// Bytes of `room` that come with the answer.
    pub returned: AtomicU32,
    pub result: AtomicI64,
    pub room: [u8; ROOM],
}

const _: () = assert!(SITE_POOL_OFFSET + SITE_POOL_ENTRIES as u64 * 8 <= REGISTRY_OFFSET);
const _: () = assert!(REGISTRY_OFFSET + (core::mem::size_of::<Registry>() as u64) < LINKS_OFFSET);
const _: () = assert!(core::mem::size_of::<Link>() as u64 <= LINK_STRIDE);
const _: () = assert!(LINKS_OFFSET + LINK_COUNT as u64 * LINK_STRIDE <= SLOTS_OFFSET);
