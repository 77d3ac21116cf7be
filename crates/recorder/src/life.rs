//! The life of a system call, from the program's `syscall` instruction to the instruction after it.

use reenact_freestanding::numbers::*;
use reenact_syscalls::{Before, Class, Descriptors, Kind, Restart, SignalMask, Sink, SystemCall};
use reenact_trace::event::flags;
use reenact_trace::{layout, EventHeader, EventKind, Registers};

use crate::entry::{self, NOT_BEGUN};
use crate::frame::{Frame, Origin};
use crate::guest::{self, GuestMemory};
use crate::log::{self, Builder};
use crate::nested_pointers::{self, Vectors, Verdict};
use crate::signal::{self, Moment};
use crate::text;
use crate::thread::{self, Thread};
use crate::{
    arena, blocking, loader, message, patch, pinning, process, scheduler, sites, vdso, virtualize,
};

/// What became of a call.
pub enum Outcome {
    /// Performed (or answered by us); write the event and go on after it.
    Done(i64),
    /// A signal came first; it has to be delivered and the call performed afterwards.
    Interrupted,
    /// The event is written and the frame holds the registers to go on with.
    Finished,
}

/// A call in progress.
pub struct Call<'a> {
    pub thread: &'a mut Thread,
    pub number: u64,
    pub args: [u64; 6],
    /// The event under construction.
    pub event: Builder,
    /// An argument (index, value) that the kernel is given in place of the program's.
    pub substitute: Option<(usize, u64)>,
}

/// Control arrives here from every entry in `entry`.
pub extern "C" fn on_entry(frame: *mut Frame) {
    let thread = thread::current();
    debug_assert!(core::ptr::eq(frame, &thread.frame));
    let events = log::next_event();
    match thread.frame.origin {
        origin if origin == Origin::Vdso as u64 => vdso::on_call(thread),
        origin if origin == Origin::Signal as u64 => on_signal(thread),
        _ => on_system_call(thread),
    }
    let thread = thread::current();
    // Others run only where the log says that this thread stands.
    let is_logged = log::next_event() != events || !log::recording();
    if scheduler::is_shared() && !thread.vfork_child && is_logged {
        scheduler::after_event(thread);
    }
    thread.frame.mark();
}

#[inline(never)]
fn on_signal(thread: &mut Thread) {
    if thread.fault.number == signal::late::PREEMPT {
        return preempt(thread);
    }
    if thread.fault.number == 0 {
        return signal::deliver_queued(thread, Moment::Anywhere, None);
    }
    if sites::on_trap(thread) {
        return;
    }
    let registers = thread.frame.registers;
    let mut event = Builder::new(EventKind::Fault, thread.fault.number as u16);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    // SAFETY: plain words as bytes.
    let info = unsafe { core::slice::from_raw_parts(thread.fault.info.as_ptr().cast::<u8>(), 128) };
    event.bytes(reenact_trace::Tag::SignalInfo, 0, info);
    event.commit();
    signal::deliver_fault(thread);
    if signal::queued(thread) {
        signal::deliver_queued(thread, Moment::AfterEvent, None);
    }
}

/// Others have waited a whole slice while this thread computes: they run now, and the log says
/// exactly where this thread was.
#[inline(never)]
fn preempt(thread: &mut Thread) {
    let registers = thread.frame.registers;
    let mut event = Builder::new(EventKind::Preempted, 0);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    signal::describe_landing(&mut event, &thread.frame);
    event.commit();
    scheduler::yield_now(thread);
    if signal::queued(thread) {
        signal::deliver_queued(thread, Moment::AfterEvent, None);
    }
}

/// The arguments of a call, into its event too. Word by word: they have just been written so, and
/// pairs of them read by vector registers would have to wait until they have reached the cache.
#[inline(always)]
fn arguments(registers: &Registers, header: &mut EventHeader) -> [u64; 6] {
    let r = registers;
    let args = [
        word(&r.rdi),
        word(&r.rsi),
        word(&r.rdx),
        word(&r.r10),
        word(&r.r8),
        word(&r.r9),
    ];
    let [a, b, c, d, e, f] = &mut header.args;
    put(a, args[0]);
    put(b, args[1]);
    put(c, args[2]);
    put(d, args[3]);
    put(e, args[4]);
    put(f, args[5]);
    args
}

#[inline(always)]
fn word(place: &u64) -> u64 {
    // SAFETY: a reference is a valid place.
    unsafe { core::ptr::from_ref(place).read_volatile() }
}

#[inline(always)]
fn put(place: &mut u64, value: u64) {
    // SAFETY: as above.
    unsafe { core::ptr::from_mut(place).write_volatile(value) }
}

fn on_system_call(thread: &mut Thread) {
    if signal::queued(thread) && deliver_before(thread) {
        return;
    }
    let registers = &thread.frame.registers;
    let (number, ip) = (registers.rax, registers.rip);
    let mut event = Builder::new(EventKind::Syscall, number as u16);
    event.header.ip = ip;
    event.header.register_checksum = registers.checksum();
    let args = arguments(registers, &mut event.header);
    if thread.frame.origin == Origin::Patched as u64 {
        event.header.flags = flags::PATCHED;
    } else {
        patch::consider(ip, number, &mut event);
        thread.frame.resume_at = patch::resume_address(ip);
    }
    let mut call = Call {
        thread,
        number,
        args,
        event,
        substitute: None,
    };
    let entry = reenact_syscalls::lookup(number);
    let outcome = match entry {
        Some(entry) => perform(&mut call, entry),
        None => {
            unknown(number);
            Outcome::Done(-ENOSYS)
        }
    };
    let Call { thread, event, .. } = call;
    match outcome {
        Outcome::Done(result) => {
            let temporary = (result == -EINTR && signal::queued(thread))
                .then(|| entry.and_then(|entry| temporary_mask(entry, &args)))
                .flatten();
            finish(thread, event, result);
            if signal::queued(thread) {
                signal::deliver_queued(thread, Moment::AfterEvent, temporary);
            }
        }
        Outcome::Interrupted => {
            if !deliver_before(thread) {
                // The signal went away again: the call has not been made yet.
                thread.frame.registers.rip -= 2;
                thread.frame.resume_at = thread.frame.registers.rip;
            }
        }
        Outcome::Finished => {
            if signal::queued(thread) {
                signal::deliver_queued(thread, Moment::AfterEvent, None);
            }
        }
    }
}

/// Deliver waiting signals before the call is performed. False when none could be delivered.
#[inline(never)]
fn deliver_before(thread: &mut Thread) -> bool {
    let after = thread.frame.registers.rip;
    let resume_at = thread.frame.resume_at;
    // Both `syscall` and the patches of it are two bytes before the next instruction.
    thread.frame.registers.rip = after - 2;
    let before = thread.frame.registers;
    signal::deliver_queued(thread, Moment::SyscallEntry, None);
    let delivered = thread.frame.registers != before;
    if !delivered {
        thread.frame.registers.rip = after;
        thread.frame.resume_at = resume_at;
    }
    delivered
}

/// Write the event of a performed call and set the registers as the kernel leaves them.
pub fn finish(thread: &mut Thread, mut event: Builder, result: i64) {
    event.header.result = result;
    if arena::header().checksum_interval != 0 {
        checksum_now_and_then(&mut event, &thread.frame.registers);
    }
    event.commit();
    let registers = &mut thread.frame.registers;
    registers.rax = result as u64;
    registers.rcx = registers.rip;
    registers.r11 = registers.rflags;
}

/// `record --checksum N`: every so many calls the whole memory is checksummed.
#[cold]
fn checksum_now_and_then(event: &mut Builder, registers: &Registers) {
    use core::sync::atomic::{AtomicU64, Ordering};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if calls.is_multiple_of(arena::header().checksum_interval) {
        signal::checksum_memory(event, registers);
    }
}

#[cold]
fn unknown(number: u64) {
    let text = text!(
        "system call {number} is not known to this version of reenact; the program was told ENOSYS"
    );
    message::once(text.as_str());
}

fn temporary_mask(entry: &SystemCall, args: &[u64; 6]) -> Option<u64> {
    let at = match entry.signal_mask {
        SignalMask::None => return None,
        SignalMask::Argument(index) => args[index as usize],
        SignalMask::Indirect(index) => guest::read_u64(args[index as usize])?,
    };
    if at == 0 {
        return None;
    }
    let unblockable = signal::bit(signal::SIGKILL) | signal::bit(signal::SIGSTOP);
    guest::read_u64(at).map(|mask| mask & !unblockable)
}

fn perform(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    pinning::at_call(call.thread, call.number, entry.class, &mut call.event);
    if call.number == SET_TID_ADDRESS {
        // Cleared by us when the thread ends: see `process::threads`.
        call.thread.clear_child_tid = call.args[0];
        return Outcome::Done(i64::from(call.thread.tid));
    }
    const SET_ROBUST_LIST: u64 = 273;
    if call.number == SET_ROBUST_LIST && call.args[1] == 24 {
        call.thread.robust_list = call.args[0];
    }
    match entry.class {
        Class::Plain => {}
        Class::Memory => return crate::mappings::perform(call, entry),
        Class::Process => {
            if let Some(outcome) = process::perform(call) {
                return outcome;
            }
        }
        Class::Signal => {
            if let Some(outcome) = perform_signal(call) {
                return outcome;
            }
        }
        _ => {}
    }
    plain(call, entry)
}

#[inline(never)]
fn perform_signal(call: &mut Call<'_>) -> Option<Outcome> {
    use signal::calls;
    let Call {
        thread,
        number,
        args,
        event,
        ..
    } = call;
    Some(Outcome::Done(match *number {
        RT_SIGACTION => calls::sigaction(event, args),
        RT_SIGPROCMASK => calls::sigprocmask(thread, event, args),
        SIGALTSTACK => calls::sigaltstack(thread, event, args),
        RT_SIGPENDING => return signal::pending(thread, event, args).map(Outcome::Done),
        RT_SIGRETURN => {
            if signal::sigreturn(thread) {
                return Some(Outcome::Finished);
            }
            return Some(process::bad_signal_frame(thread));
        }
        _ => return None,
    }))
}

struct Outputs<'a>(&'a mut Builder);

impl Sink for Outputs<'_> {
    fn output(&mut self, address: u64, length: u64) {
        self.0.guest_memory(address, length);
    }
}

/// Whether the program passes an address of ours as a pointer: for it there is no memory. Outputs
/// there the kernel might refuse by itself, inputs it would read.
#[cold]
fn names_our_memory(entry: &SystemCall, args: &[u64; 6]) -> bool {
    let pointer = |kind: &Kind| matches!(kind, Kind::Path | Kind::Pointer);
    let mut arguments = entry.arguments.iter().zip(args);
    entry.class != Class::Memory
        && arguments.any(|((_, kind), &value)| pointer(kind) && layout::is_reserved(value))
}

/// Pass the call to the kernel and log what it wrote.
pub fn plain(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    // One comparison for each argument here, the table only for one that looks like it.
    let [a, b, c, d, e, f] = call.args.map(layout::is_reserved);
    if (a | b | c | d | e | f) && names_our_memory(entry, &call.args) {
        return Outcome::Done(-EFAULT);
    }
    match nested_pointers::check(call) {
        Verdict::Harmless => {}
        Verdict::HasVectors => return with_vectors(call, entry),
        Verdict::Fewer(argument, count) => call.substitute = Some((argument, count)),
        Verdict::Fault => return Outcome::Done(-EFAULT),
    }
    if entry.is_simple {
        return make(call, entry, call.args, &Before::simple());
    }
    captured(call, entry, call.args)
}

/// A call whose vectors name memory of ours: the kernel is given others.
#[cold]
#[inline(never)]
fn with_vectors(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    let mut vectors = Vectors::new();
    let args = vectors.replace(call);
    captured(call, entry, args)
}

/// A call about whose outputs something has to be known from before it. `args`: for the kernel.
fn captured(call: &mut Call<'_>, entry: &SystemCall, args: [u64; 6]) -> Outcome {
    match Before::capture(entry, &call.args, &GuestMemory) {
        Ok(before) => make(call, entry, args, &before),
        Err(refusal) => {
            if !refusal.is_declined() {
                let text = text!("{refusal}");
                message::once(text.as_str());
            }
            Outcome::Done(-i64::from(refusal.errno()))
        }
    }
}

/// Make a call that is neither declined nor refused.
#[inline(always)]
fn make(call: &mut Call<'_>, entry: &SystemCall, mut args: [u64; 6], before: &Before) -> Outcome {
    if let Some(answer) = virtualize::answer(call, entry) {
        return answer;
    }
    if matches!(
        call.number,
        KILL | TKILL | TGKILL | RT_SIGQUEUEINFO | RT_TGSIGQUEUEINFO
    ) {
        process::announce_fatal_signal(call);
    }
    let victim = process::killing::victim(call);
    if let Some((index, value)) = call.substitute {
        args[index] = value;
    }
    let handed_over = signal::hand_over(call.thread, call.number);
    let result = if scheduler::is_shared() && !call.thread.vfork_child {
        blocking::perform(call, entry, &args)
    } else {
        // SAFETY: the program asked for this call; hidden descriptors were excluded.
        unsafe { entry::interruptible(call.number, &args, call.thread.queued.as_ptr()) }
    };
    if handed_over {
        signal::take_back(call.thread);
    }
    // Others may have run since the program came here, and the signal may be the one that they send to it as
    // it waits. It has come before `pause`, or in it: nobody can tell.
    let is_pause = result == NOT_BEGUN && call.number == PAUSE;
    let result = if is_pause && signal::interrupts(call.thread) {
        -EINTR
    } else {
        result
    };
    if result == NOT_BEGUN
        || (result == -EINTR
            && entry.restart_for(&call.args) == Restart::WithFlag
            && signal::restarts_after_queued(call.thread))
    {
        return Outcome::Interrupted;
    }
    // What is left out of a listing still was in the buffer: log all the kernel wrote.
    let seen = if (call.number == GETDENTS64 || call.number == GETDENTS) && result > 0 {
        virtualize::filter_listing(call.args[0], call.args[1], result)
    } else {
        result
    };
    before.outputs(
        entry,
        &call.args,
        result,
        &GuestMemory,
        &mut Outputs(&mut call.event),
    );
    if entry.descriptors != Descriptors::None || entry.class == Class::Descriptor {
        virtualize::track_descriptors(call, entry, result);
    }
    if let Some(victim) = victim {
        process::killing::after(call, &victim, result);
    }
    virtualize::after(call, result);
    Outcome::Done(seen)
}

/// Start the first thread's life: called by `_start` with the kernel's stack pointer.
#[no_mangle]
extern "C" fn start(stack: u64) -> ! {
    loader::start(stack)
}
