//! What happens when the program enters the recorder: at a system call, in a function of the vDSO, by
//! a signal. The event is begun here and finished here, and signals that wait are delivered around it.

use reenact_freestanding::numbers::*;
use reenact_syscalls::i386::{self, Translated};
use reenact_syscalls::{Restart, SignalMask, SystemCall};
use reenact_trace::event::{call_code, call_number, flags, NO_CALL};
use reenact_trace::{EventHeader, EventKind, Registers};

use crate::call::{Call, Outcome};
use crate::log::{self, Builder};
use crate::ptrace::stopped;
use crate::signal::{self, Moment};
use crate::sites::{self, Trap};
use crate::snapshot::{taking, wishes};
use crate::thread::{self, Thread};
use crate::{
    arena, companions, dispatch, guest, last_outputs, message, patch, process, ptrace, scheduler,
    shared, sharing_group, spinning, text, time_stamps, vdso, waiting_places,
};
use reenact_interpose::{entry, Frame, Origin};

/// The program has come in, by whichever way.
#[no_mangle]
extern "C" fn on_entry(frame: *mut Frame) {
    debug_assert!(core::ptr::eq(frame, &thread::current().frame));
    act();
    // SAFETY: the frame of the thread that is to go on.
    unsafe { entry::leave(&mut thread::current().frame) }
}

#[inline(always)]
fn act() {
    let thread = thread::current();
    time_stamps::count_entry(thread);
    if thread.companion {
        process::companion::look_for_first(thread);
    }
    let events = log::next_event();
    match thread.frame.origin {
        origin if origin == Origin::Vdso as u64 => on_vdso_call(thread),
        origin if origin == Origin::Signal as u64 => on_signal(thread),
        origin if origin == Origin::Vsyscall as u64 => on_vsyscall(thread),
        _ => {
            thread.spins = 0;
            on_system_call(thread);
        }
    }
    let thread = thread::current();
    // Other threads may run only when the last event says where this one stands.
    let is_logged = log::next_event() != events || !log::recording();
    if wishes::is_due() && log::next_event() != events {
        taking::take(thread);
    }
    if scheduler::is_shared() && !thread.vfork_child && is_logged {
        if companions::any() {
            process::companion::tidy_up();
        }
        scheduler::after_event(thread);
        // What came while others ran comes before anything that they have stored.
        if signal::queued(thread) {
            deliver_before_going_on(thread);
        }
    }
}

#[cold]
#[inline(never)]
fn deliver_before_going_on(thread: &mut Thread) {
    signal::deliver_queued(thread, Moment::AfterEvent, None);
}

#[inline(never)]
fn on_vdso_call(thread: &mut Thread) {
    let unwritten = vdso::on_call(thread);
    spinning::count_clock_read(thread);
    if thread.is_stepped {
        ptrace::stops::step_stop(thread);
    }
    if let Some(address) = unwritten {
        signal::raise_unwritable(thread, address);
    }
    if signal::queued(thread) {
        signal::deliver_queued(thread, Moment::AfterEvent, None);
    }
}

#[inline(never)]
fn on_signal(thread: &mut Thread) {
    shared::set_overtaken(sharing_group::has_lost_turn());
    if thread.fault.number == signal::preemption::PREEMPT {
        return preempt(thread);
    }
    if thread.fault.number == 0 {
        return signal::deliver_queued(thread, Moment::Anywhere, None);
    }
    let trap = match sites::on_trap(thread) {
        Trap::Waiting(site) => waiting_places::on_trap(thread, &site),
        other => other,
    };
    match trap {
        Trap::Performed if signal::steps(thread) => signal::raise_step(thread),
        Trap::Performed | Trap::Restored => return,
        Trap::Int80 => {
            thread.frame.origin = Origin::Int80 as u64;
            return on_system_call(thread);
        }
        Trap::Programs | Trap::Waiting(_) => {}
    }
    let registers = thread.frame.registers;
    let mut event = Builder::new(EventKind::Fault, thread.fault.number as u16);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    event.signal_information(&thread.fault.info);
    if thread.time_stamps_refused {
        sites::log_refused(thread, &mut event);
    }
    event.commit();
    if thread.link == 0 || ptrace::faults::show(thread) {
        signal::deliver_fault(thread);
    }
    if signal::queued(thread) {
        signal::deliver_queued(thread, Moment::AfterEvent, None);
    }
}

/// Others have waited a whole slice while this thread computes: they run now, and the log says
/// exactly where this thread was.
#[inline(never)]
fn preempt(thread: &mut Thread) {
    signal::log_landing_with(&thread.frame, |event| {
        if thread.spins > 0 {
            waiting_places::notice(thread, thread.sign, event);
        }
    });
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
    let places = (&raw mut header.args).cast::<u64>();
    for (index, &value) in args.iter().enumerate() {
        // SAFETY: `args` has as many words.
        unsafe { put(places.add(index), value) };
    }
    args
}

#[inline(always)]
fn word(place: &u64) -> u64 {
    // SAFETY: a reference is a valid place.
    unsafe { core::ptr::from_ref(place).read_volatile() }
}

/// Write a word by itself.
///
/// # Safety
/// It is one of the header's.
#[inline(always)]
unsafe fn put(place: *mut u64, value: u64) {
    // SAFETY: by contract. The fields of a header need not be aligned for the compiler, but its ring is.
    unsafe { place.write_volatile(value) }
}

/// Whether the tracer lets a call be performed, of which it is told when it begins and when a filter asks it.
#[cold]
fn is_let_through(thread: &mut Thread) -> bool {
    thread.is_call_traced = false;
    if !ptrace::stops::before_call(thread) {
        return false;
    }
    match process::filtered::asks_tracer(thread) {
        Some(data) if ptrace::stops::is_wanted(thread, stopped::event::SECCOMP) => {
            thread.is_call_traced = true;
            ptrace::stops::filtered_call(thread, data)
        }
        _ => true,
    }
}

fn on_system_call(thread: &mut Thread) {
    // A call that had begun before the recorder came is interrupted by them.
    if signal::queued(thread) && !thread.has_begun {
        log_last_outputs(thread, None);
        if deliver_before(thread) {
            return;
        }
    }
    if thread.link != 0 && !is_let_through(thread) {
        if signal::queued(thread) {
            signal::deliver_queued(thread, Moment::AfterEvent, None);
        }
        return;
    }
    if thread.frame.origin == Origin::Int80 as u64 {
        return int80(thread);
    }
    let registers = &thread.frame.registers;
    let (number, ip) = (call_number(registers.rax), registers.rip);
    thread.last_call = number as u32;
    let mut event = Builder::new(EventKind::Syscall, call_code(number));
    event.header.ip = ip;
    event.header.register_checksum = registers.checksum();
    let args = arguments(registers, &mut event.header);
    if thread.frame.origin == Origin::Patched as u64 {
        event.header.flags = flags::PATCHED;
    } else if thread.link == 0 {
        patch::consider(ip, number, &mut event);
    }
    if waiting_places::is_due() {
        waiting_places::begin_due(thread, number, &args, &mut event);
    }
    complete(Call::new(thread, number, args, event));
}

/// The program is at a function of the vsyscall page, whose number is in `rax`. To it that is no call: no register shows it, and
/// tracers are not told; but its filters are asked.
#[cold]
#[inline(never)]
fn on_vsyscall(thread: &mut Thread) {
    if thread.confinement.filters == 0 || !is_answered_by_filter(thread) {
        spinning::count_clock_read(thread);
        if vdso::on_vsyscall(thread).is_some() {
            fault_in_vsyscall(thread);
        }
    }
    if signal::queued(thread) {
        signal::deliver_queued(thread, Moment::AfterEvent, None);
    }
}

/// Whether the program's filters answer the function that it is at.
fn is_answered_by_filter(thread: &mut Thread) -> bool {
    let event = vdso::begin(thread);
    let (number, args) = (thread.frame.registers.rax, event.header.args);
    let mut call = Call::new(thread, number, args, event);
    let outcome = process::filtered::answer(&mut call);
    let Call { thread, event, .. } = call;
    match outcome {
        Some(Outcome::Done(result)) => finish(thread, event, result),
        Some(Outcome::Raised(result)) => {
            finish(thread, event, result);
            signal::deliver_raised(thread);
        }
        _ => return false,
    }
    true
}

/// A bad pointer given to the vsyscall page: the kernel raises SIGSEGV there.
fn fault_in_vsyscall(thread: &mut Thread) {
    thread.frame.registers.rax = -ENOSYS as u64;
    let mut event = Builder::new(EventKind::Fault, signal::SIGSEGV as u16);
    event.header.ip = thread.frame.registers.rip;
    // What was in `rax` the kernel has lost.
    event.header.register_checksum = 0;
    event.signal_information(&signal::raised_by_kernel().info);
    event.commit();
    signal::raise_by_kernel(thread);
}

/// A call by `int 0x80`, which is performed as the 64-bit call that it is, or refused.
#[cold]
#[inline(never)]
fn int80(thread: &mut Thread) {
    let registers = &mut thread.frame.registers;
    // The kernel has taken it so.
    registers.rax &= 0xffff_ffff;
    let (number, arguments) = registers.int80();
    let translated = i386::translate(number, arguments);
    if translated.is_none() && i386::may_exist(number) {
        let text = text!(
            "call {number} of 32-bit programs (int 0x80) has structures that are not recorded; the program was told ENOSYS"
        );
        message::once(text.as_str());
    }
    let Translated { number, args } = translated.unwrap_or(Translated {
        number: NO_CALL.into(),
        args: arguments.map(u64::from),
    });
    let registers = &thread.frame.registers;
    let mut event = Builder::new(EventKind::Syscall, call_code(number));
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    event.header.args = args;
    event.header.flags = flags::INT80;
    complete(Call::new(thread, number, args, event));
}

/// Perform a call whose event has been begun.
#[inline(always)]
fn complete(mut call: Call<'_>) {
    let (number, args) = (call.number, call.args);
    let entry = reenact_syscalls::lookup(number);
    let outcome = dispatch::perform(&mut call, entry);
    let Call { thread, event, .. } = call;
    thread.has_begun = false;
    match outcome {
        Outcome::Done(result) => {
            let temporary = (result == -EINTR && signal::queued(thread))
                .then(|| entry.and_then(|entry| temporary_mask(entry, &args)))
                .flatten();
            finish(thread, event, result);
            if thread.link != 0 {
                ptrace::stops::after_call(thread);
            }
            if signal::queued(thread) {
                signal::deliver_queued(thread, Moment::AfterEvent, temporary);
            }
        }
        Outcome::Raised(result) => {
            finish(thread, event, result);
            if thread.link == 0 || ptrace::faults::show(thread) {
                signal::deliver_raised(thread);
            }
            if signal::queued(thread) {
                signal::deliver_queued(thread, Moment::AfterEvent, None);
            }
        }
        Outcome::Interrupted if thread.link != 0 && signal::queued(thread) => {
            let temporary = entry.and_then(|entry| temporary_mask(entry, &args));
            let result = entry.map_or(-EINTR, |entry| restarting(entry, &args));
            finish(thread, event, -EINTR);
            let number = ptrace::interrupted::number_of(thread, number, result);
            ptrace::stops::interrupted_call(thread, number, result);
            signal::deliver_queued(thread, Moment::AfterEvent, temporary);
        }
        Outcome::Interrupted => {
            let header = *event.header;
            drop(event);
            log_last_outputs(thread, Some(&header));
            if !deliver_before(thread) {
                // It was blocked or ignored after all: the program makes its call once more.
                thread.frame.registers.rip -= 2;
            }
        }
        Outcome::Finished => {
            if thread.link != 0 && number == RT_SIGRETURN {
                ptrace::stops::after_call(thread);
            }
            if signal::queued(thread) {
                signal::deliver_queued(thread, Moment::AfterEvent, None);
            }
        }
    }
}

/// What the kernel's result of an interrupted call is before the signals are dealt with, which a tracer can see.
#[cold]
fn restarting(entry: &SystemCall, args: &[u64; 6]) -> i64 {
    use ptrace::interrupted::restart;
    match entry.restart_for(args) {
        Restart::NoHandler => restart::NO_HANDLER,
        Restart::Block => restart::BLOCK,
        Restart::WithFlag => restart::SYSTEM,
        Restart::None | Restart::Interrupted => restart::NO_INTERRUPTION,
    }
}

/// Where a signal that waits will end the process at this call, whose header may be known: what others have given out
/// is logged before.
#[cold]
fn log_last_outputs(thread: &mut Thread, header: Option<&EventHeader>) {
    if !signal::ends_process(thread) {
        return;
    }
    let registers = thread.frame.registers;
    last_outputs::log_all(thread, || match header {
        Some(header) => scheduler::log_blocked(header),
        None => {
            let mut header = EventHeader {
                code: call_code(call_number(registers.rax)),
                ip: registers.rip,
                register_checksum: registers.checksum(),
                ..EventHeader::default()
            };
            arguments(&registers, &mut header);
            scheduler::log_blocked(&header);
        }
    });
}

/// Deliver waiting signals before the call is performed. False when none could be delivered.
#[inline(never)]
fn deliver_before(thread: &mut Thread) -> bool {
    let after = thread.frame.registers.rip;
    // Both `syscall` and the patches of it are two bytes before the next instruction.
    thread.frame.registers.rip = after - 2;
    // As the instruction leaves it: a call that begins once more shows it.
    if thread.frame.origin != Origin::Int80 as u64 {
        thread.frame.registers.r11 = thread.frame.registers.rflags;
    }
    let before = thread.frame.registers;
    signal::deliver_queued(thread, Moment::SyscallEntry, None);
    let delivered = thread.frame.registers != before;
    if !delivered {
        thread.frame.registers.rip = after;
    }
    delivered
}

/// Write the event of a performed call and set the registers as the kernel leaves them.
fn finish(thread: &mut Thread, mut event: Builder, result: i64) {
    event.header.result = result;
    if arena::header().checksum_interval != 0 {
        checksum_now_and_then(&mut event, &thread.frame.registers);
    }
    event.commit();
    thread.frame.finish_call(result);
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
