//! What a supervisor and the recorder tell each other while a process is led out of the recording.
//!
//! The supervisor holds all threads of the process by ptrace, and a breakpoint is where they go back to the program. Each thread
//! that stands at a place of the program is paused ([`step::PAUSE`]): what it is to go on with is in its frame then, and others have
//! their turns. When all are, what the recorder has changed is undone ([`step::LEAVE_PROCESS`], then [`step::LEAVE`] in every
//! thread), and the recorder is unmapped. Until then the program can be given back ([`step::GO_BACK`]).
//!
//! The steps run as those of [`crate::attaching`] do; what is told lies at [`crate::layout::ATTACHING_ADDRESS`], what comes back at
//! [`ANSWER_ADDRESS`].

use crate::attaching::ROOM_ADDRESS;
use crate::registers::Registers;

/// Where the recorder answers.
pub const ANSWER_ADDRESS: u64 = ROOM_ADDRESS;

/// What the recorder does, beside the steps of [`crate::attaching::step`].
pub mod step {
    /// Say what a supervisor has to know: an [`super::Inside`].
    pub const LOOK: u64 = 16;
    /// The thread stands as a [`super::Standing`] says: let others have their turns.
    pub const PAUSE: u64 = 17;
    /// A paused thread goes on, in the recorder.
    pub const GO_BACK: u64 = 18;
    /// Undo what has been changed of the process. All threads are paused.
    pub const LEAVE_PROCESS: u64 = 19;
    /// The same of the thread: a [`super::Left`]. Its vector registers are the program's then.
    pub const LEAVE: u64 = 20;
}

/// Most memory for trampolines: areas.
pub const MOST_AREAS: usize = 64;

/// Why a process cannot be led out.
pub mod obstacle {
    pub const NONE: u64 = 0;
    /// The kernel traps system calls by a filter, which cannot be taken away.
    pub const FILTER: u64 = 1;
    /// The recorder has loaded the program itself.
    pub const LOADED: u64 = 2;
    /// Another process runs in its memory.
    pub const COMPANIONS: u64 = 3;
    /// It traces a process, or is traced.
    pub const TRACING: u64 = 4;
    /// Its requests of asynchronous I/O are the recorder's.
    pub const REQUESTS: u64 = 5;
    /// Something of the program's is where its vDSO was.
    pub const PLACE_TAKEN: u64 = 6;
    /// Somebody reads what it records: that has to end first.
    pub const RECORDED: u64 = 7;
}

/// What the recorder is and has.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Inside {
    /// [`obstacle`].
    pub obstacle: u64,
    /// Where threads go back to the program, and one past the last instruction of that way.
    pub exit: [u64; 2],
    /// Behind the instruction of a call that waits for the program.
    pub behind_call: u64,
    /// Trampolines: start and end of each area; zeros: no more.
    pub areas: [[u64; 2]; MOST_AREAS],
}

/// Where a thread stands.
pub mod standing {
    /// At the exit.
    pub const AT_EXIT: u64 = 0;
    /// In its program, with registers as they are told.
    pub const IN_PROGRAM: u64 = 1;
    /// In a call of its program, which is to begin once more.
    pub const IN_CALL: u64 = 2;
}

/// What a thread is told that is paused.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Standing {
    /// One of [`standing`].
    pub place: u64,
    pub registers: Registers,
    pub xmm: [[u64; 2]; 16],
}

/// Most signals that wait in a thread.
pub const MOST_SIGNALS: usize = 68;

/// A thread that has been led out.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Left {
    /// With which it goes on; of a call, those behind its instruction, with its number.
    pub registers: Registers,
    /// Signals that it blocks.
    pub mask: u64,
    /// What the kernel's result is of the call that is to begin once more (`-ERESTARTSYS` …); 0: it is in none.
    pub restart: i64,
    /// How many signals are to be sent to it again: number and siginfo_t of each.
    pub signal_count: u64,
    pub signals: [[u64; 17]; MOST_SIGNALS],
}

macro_rules! as_numbers {
    ($($type:ty),*) => {$(
        impl $type {
            /// Nothing yet.
            // SAFETY: numbers.
            pub const NONE: $type = unsafe { core::mem::zeroed() };

            /// As it lies in memory.
            pub fn as_bytes(&self) -> &[u8] {
                // SAFETY: numbers without padding between them.
                unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<$type>()) }
            }

            /// As it lies in memory, to be filled in.
            pub fn as_bytes_mut(&mut self) -> &mut [u8] {
                // SAFETY: numbers, of which any bytes are.
                unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<$type>()) }
            }
        }
    )*};
}
as_numbers!(Inside, Standing, Left);
const _: () = assert!(size_of::<Inside>() == 4 * 8 + 16 * MOST_AREAS);
const _: () = assert!(size_of::<Standing>() == 8 + size_of::<Registers>() + 256);
const _: () = assert!(size_of::<Left>() == size_of::<Registers>() + 24 + 17 * 8 * MOST_SIGNALS);
const _: () = assert!(size_of::<Left>() < 64 << 10);
