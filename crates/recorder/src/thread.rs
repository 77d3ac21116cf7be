//! What the recorder keeps for each thread of the program: the saved registers, stacks, the
//! queue of signals that wait for a deterministic point.

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall6;
use reenact_trace::layout::THREADS_ADDRESS;
use reenact_trace::EventHeader;

use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::waiting_loop::Sign;
use reenact_interpose::{frame, Frame};

use crate::confinement::Confinement;
use crate::unfinished_wait::UnfinishedWait;

/// Most threads of one process.
pub const MOST: usize = 4096;
/// Bytes of a thread block: `Thread`, then the signal stack, then room for vector registers, then the recorder's stack.
pub const BLOCK_SIZE: u64 = 256 << 10;
/// Offset of the end of the signal stack in a block. It must hold nested kernel frames with
/// AMX-sized state on the widest machines.
pub const SIGNAL_STACK_END: u64 = 96 << 10;
const SIGNAL_STACK_START: u64 = 16 << 10;
/// Behind the signal stack: the thread's vector registers, while another one runs ([`crate::snapshot`]).
pub const VECTORS_SIZE: u64 = 16 << 10;
/// How many signals can wait: more than there are numbers, and of each one waits, hardly ever two.
pub const QUEUE: usize = 64;

/// How many signals that the program blocks can be kept for it (`signal::never_blocked`); the kernel keeps
/// one of each, too.
pub const HELD: usize = 4;

/// Bits of [`Thread::preemption_requested`].
pub mod requested {
    use reenact_trace::arena::{PREEMPT_IF_SPINNING, PREEMPT_NOW};

    /// To yield at the end of the call.
    pub const NOW: u32 = PREEMPT_NOW;
    /// To say whether it spins; a call that was interrupted by that is made once more.
    pub const IF_SPINNING: u32 = PREEMPT_IF_SPINNING;
}

/// What was found when the running thread was asked whether it spins; see `spinning`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Sample {
    /// The log's next event.
    pub event: u64,
    pub ip: u64,
    /// A hash of registers and stack.
    pub state: u64,
    /// For how long the thread had computed, in nanoseconds.
    pub computed: u64,
}

/// A signal that has arrived and has not been given to the program yet.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct QueuedSignal {
    pub number: u32,
    pub reserved: u32,
    /// siginfo_t as the kernel gave it.
    pub info: [u64; 16],
}

/// One thread of the program.
#[repr(C, align(64))]
pub struct Thread {
    /// First: the current frame is the current thread's.
    pub frame: Frame,
    pub tid: u32,
    /// Index of the block.
    pub index: u32,
    /// Number of signals in the queue; the interruptible system call looks at it.
    pub queued: AtomicU32,
    /// This is a vfork child running in its parent's memory; the parent is `parent`.
    pub vfork_child: bool,
    pub parent: *mut Thread,
    /// This child is to begin with default actions in place of handlers (CLONE_CLEAR_SIGHAND).
    pub clears_handlers: bool,
    /// It is another process than the one whose log this is: see [`crate::companions`].
    pub companion: bool,
    /// Its parent is the process whose log this is.
    pub is_child_of_first: bool,
    /// 1: the companion lives. The kernel clears it, and wakes who waits, when it ends or executes another program.
    pub lives: AtomicU32,
    /// 1: its parent waits for it.
    pub awaited: AtomicU32,
    /// Which tables of actions, and of what is known of descriptors, are this thread's.
    pub actions: u32,
    pub descriptors: u32,
    /// Process number that this thread's vfork child got at its exec; 0: none.
    pub vfork_process: u32,
    /// Address and size of what this thread's exec has mapped for itself; 0: nothing.
    pub exec_memory: [[u64; 2]; 2],
    /// A ring; see `signal::queue`.
    pub queue: [QueuedSignal; QUEUE],
    /// Where in the ring the oldest signal is, and where the next comes: counts without end.
    pub queue_first: AtomicU32,
    pub queue_next: AtomicU32,
    /// See [`HELD`]; number 0: none.
    pub held: [QueuedSignal; HELD],
    /// The program's alternate signal stack.
    pub alternate_stack: AlternateStack,
    /// A synchronous fault to report: the signal's number and information.
    pub fault: QueuedSignal,
    /// Error code, trap number and cr2 of the fault.
    pub fault_context: [u64; 3],
    /// A signal is raised behind an event, and what it is told of a fault is that.
    pub raised_context: bool,
    /// The tracer has been asked about the call that is performed: no filter asks it again.
    pub is_call_traced: bool,
    /// What the program keeps its own calls from.
    pub confinement: Confinement,
    /// The mask the program believes it has (the kernel never blocks SIGSYS for us).
    pub mask: u64,
    pub clear_child_tid: u64,
    /// Signals that the kernel keeps because one like them is in the queue: a mask.
    pub followers_kept: AtomicU64,
    /// 1: the thread is about to execute another image, which inherits the kernel's mask.
    pub leaves: AtomicU32,
    /// What waiting threads have asked for: see [`requested`].
    pub preemption_requested: AtomicU32,
    /// 1: a thread of this process that waits has asked it to yield in this turn.
    pub is_wanted: AtomicU32,
    /// One more than the number of what its last call has written to an output; 0: it has none.
    pub output_number: AtomicU64,
    /// 1: inside the kernel, in a call of the program, with the token.
    pub in_call: AtomicU32,
    /// What was found when it was last asked whether it spins.
    pub sample: Sample,
    /// How often in succession it was found spinning at one place, and where; 0: it was preempted last, or
    /// yielded, for another reason.
    pub spins: u32,
    pub spins_at: u64,
    /// How it was then found to wait.
    pub sign: Sign,
    /// A hash of what such a loop leaves as it is, when it last handed over in one.
    pub left_alone: u64,
    /// Where it is watched whether it leaves the loop by itself, the log's state since then, what the loop left alone at first,
    /// and how often it has come there.
    pub watched_at: u64,
    pub watched_since: u64,
    pub watched_state: u64,
    pub watched_passes: u64,
    /// How long others ran, in ticks, while it handed over again and again in a loop that it has not left since.
    pub starved: u64,
    /// When it was first seen spinning where it is, the log's next event then, and where that was.
    pub spins_since: u64,
    pub spins_since_event: u64,
    pub spins_since_ip: u64,
    /// Clock reads in close succession at one place, that place, and when the last one was.
    pub clock_reads: u32,
    pub clock_read_at: u64,
    pub clock_read_time: u64,
    /// How often others have had the token before it since it waits for it.
    pub passed_over: u32,
    /// Slot and pid of a child made with CLONE_VFORK that this thread has yet to wait for; 0: none.
    pub awaited_child: u64,
    /// Whether the token is this thread's, as [`crate::grants`] says. A futex.
    pub granted: AtomicU32,
    /// For how many turns it will not look before it sleeps, and how many it was last time.
    pub looks_left_out: u32,
    pub looks_in_vain: u32,
    /// 1: waits for the token.
    pub waits: AtomicU32,
    /// Kernel id + 1 of the timer that looks after waiting signals; 0: none yet.
    pub timer: AtomicI32,
    /// 1: the timer will fire.
    pub timer_armed: AtomicU32,
    /// As these two, of the timer that asks whether the thread spins.
    pub look_timer: AtomicI32,
    pub looks_armed: AtomicU32,
    /// The program's list of robust futexes, as `set_robust_list` was told.
    pub robust_list: u64,
    /// Address, size and signature of its restartable sequences, as it believes to have told the kernel; 0: none.
    pub restartable: [u64; 3],
    /// Which state of the watched instructions it watches; see [`crate::suspects`].
    pub watches: u32,
    /// RDTSC and RDTSCP fault in this thread.
    pub time_stamps_fault: bool,
    /// They are the program's to fault (PR_SET_TSC).
    pub time_stamps_refused: bool,
    /// CPUID faults in this thread.
    pub cpuid_faults: bool,
    /// Header of the call during which others may run.
    pub blocked_call: EventHeader,
    /// The log has it at that call.
    pub is_blocked: bool,
    /// The log has its end.
    pub has_ended: bool,
    /// See [`crate::wake_ups`], as for the next two: when its call that waits began; 0: none does.
    pub asleep_since: u64,
    /// How long it runs at once when it is woken, in ticks.
    pub wake_credit: u64,
    /// It has woken a thread, to which it yields when this call's event is in the log.
    pub yields_to_woken: bool,
    /// 1 more than the index of its link, when it is traced ([`crate::ptrace`]); 0: nobody traces it.
    pub link: u32,
    /// Its tracer lets it trap behind each instruction.
    pub is_stepped: bool,
    pub debug: DebugRegisters,
    /// It has been told that its parent, which is not recorded, traces it.
    pub is_traced_in_name: bool,
    /// Its process's signals come to the recorder for its tracer.
    pub is_adopted: bool,
    /// What the tracer may want to know when this call's event is in the log.
    pub event_due: EventDue,
    /// Segment bases (fs, gs) when it last let others run, where snapshots are taken.
    pub bases: [u64; 2],
    /// Its name then, for the kernel.
    pub name: [u8; reenact_trace::snapshot::NAME_SIZE],
    /// Its next call had begun when the recorder came into its process: see [`crate::attaching`].
    pub has_begun: bool,
    /// It is paused in a call of its program, which is to begin once more: see [`crate::detaching`].
    pub stands_in_call: bool,
    /// Number of the last system call.
    pub last_call: u32,
    /// The call that was interrupted by signals that its tracer has yet to see.
    pub interrupted: Interrupted,
    /// Its wait, with which a later call may go on.
    pub unfinished: UnfinishedWait,
}

/// The processor's breakpoint registers as the thread's tracer has set them.
#[derive(Clone, Copy, Default)]
pub struct DebugRegisters {
    pub addresses: [u64; 4],
    /// Register 6: what there was.
    pub status: u64,
    /// Register 7: what is watched for.
    pub control: u64,
    /// A bit for each register that watches.
    pub watched: u64,
    /// The repeated string instruction that is to be done before a hit is told; 0: none.
    pub string: u64,
}

/// A call of a traced thread that signals have interrupted: the log has it as one that failed, its tracer sees it as the
/// kernel has it, and decides whether it begins again.
#[derive(Clone, Copy, Default)]
pub struct Interrupted {
    pub is_there: bool,
    /// Its number; -1: the tracer does not want it to begin again.
    pub number: i64,
    /// Its result, which says how it begins again (`-ERESTARTSYS` …).
    pub result: i64,
}

/// An event for a tracer; number 0: none.
#[derive(Clone, Copy, Default)]
pub struct EventDue {
    pub event: u32,
    pub message: u64,
}

/// Threads there are.
pub static COUNT: AtomicU32 = AtomicU32::new(1);

/// Whether there is more than one thread.
#[inline]
pub fn are_several() -> bool {
    COUNT.load(Ordering::Relaxed) > 1
}

/// The thread that holds the token: the only one inside the program or the recorder.
pub fn current() -> &'static mut Thread {
    // SAFETY: set before the program starts; only the token's holder runs.
    unsafe { &mut *frame::current().cast() }
}

/// The thread whose block an address (of the running stack) lies in.
pub fn of_address(address: u64) -> &'static mut Thread {
    let index = address.wrapping_sub(THREADS_ADDRESS) / BLOCK_SIZE;
    // SAFETY: the recorder's code runs on the stacks of thread blocks only.
    unsafe { &mut *((THREADS_ADDRESS + index * BLOCK_SIZE) as *mut Thread) }
}

/// The thread of a block that is in use.
pub fn of_index(index: u32) -> &'static mut Thread {
    of_address(address_of(index))
}

/// Where the block with a number is.
pub fn address_of(index: u32) -> u64 {
    THREADS_ADDRESS + u64::from(index) * BLOCK_SIZE
}

/// Make `thread` the token's holder.
pub fn set_current(thread: *mut Thread) {
    frame::set_current(thread.cast());
}

/// Map block `index` (fresh zero pages) and initialise what is not zero.
///
/// Returns `None` when there is no memory.
pub fn create(index: u32) -> Option<&'static mut Thread> {
    let address = address_of(index);
    // SAFETY: a fixed place in our own region.
    let result = unsafe {
        syscall6(
            MMAP,
            address,
            BLOCK_SIZE,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
            u64::MAX,
            0,
        )
    };
    if result as u64 != address {
        return None;
    }
    // SAFETY: fresh zeroed memory; all-zero is a valid Thread.
    let thread = unsafe { &mut *(address as *mut Thread) };
    thread.index = index;
    thread.frame.stack_top = address + BLOCK_SIZE;
    thread.alternate_stack = if index == 0 {
        AlternateStack::NEVER_SET
    } else {
        AlternateStack::DISABLED
    };
    Some(thread)
}

impl Thread {
    /// Where its vector registers are kept.
    pub fn vectors(&self) -> u64 {
        THREADS_ADDRESS + u64::from(self.index) * BLOCK_SIZE + SIGNAL_STACK_END
    }

    /// Base and size of the kernel's alternate signal stack for this thread.
    pub fn signal_stack(&self) -> (u64, u64) {
        let block = THREADS_ADDRESS + u64::from(self.index) * BLOCK_SIZE;
        (
            block + SIGNAL_STACK_START,
            SIGNAL_STACK_END - SIGNAL_STACK_START,
        )
    }
}
const _: () = assert!(core::mem::offset_of!(Thread, frame) == 0);
const _: () = assert!(core::mem::size_of::<Thread>() as u64 <= SIGNAL_STACK_START);
