//! What the replayer says: JSON lines on the report descriptor
//! (docs/internals/replay-protocol.md).

use core::fmt;
use core::sync::atomic::{AtomicI32, AtomicI64, Ordering};

use reenact_trace::Registers;

use crate::error::ReplayError;
use crate::exit_status;
use crate::jobs;
use crate::json::Line;
use crate::system;

// What a panic or a fault of our own needs to know; one host thread, so plain stores would do.
static DESCRIPTOR: AtomicI32 = AtomicI32::new(1);
static PROCESS: AtomicI64 = AtomicI64::new(-1);
static EVENT: AtomicI64 = AtomicI64::new(-1);
/// The event behind which the segment at hand begins; -1: it begins with the process, or there are none.
static SEGMENT: AtomicI64 = AtomicI64::new(-1);

/// Send reports to this descriptor.
pub fn set_descriptor(descriptor: i32) {
    DESCRIPTOR.store(descriptor, Ordering::Relaxed);
}

/// This is now the replay of `process`.
pub fn set_process(process: u32) {
    PROCESS.store(i64::from(process), Ordering::Relaxed);
    EVENT.store(-1, Ordering::Relaxed);
    SEGMENT.store(-1, Ordering::Relaxed);
}

/// This is the segment that begins behind an event.
pub fn set_segment(event: u64) {
    SEGMENT.store(event as i64, Ordering::Relaxed);
    set_event(event);
}

/// The event behind which the segment at hand begins, if it is not the first one.
pub fn segment() -> Option<u64> {
    u64::try_from(SEGMENT.load(Ordering::Relaxed)).ok()
}

/// What follows is about no process.
pub fn clear_process() {
    PROCESS.store(-1, Ordering::Relaxed);
}

/// This event takes effect now.
pub fn set_event(index: u64) {
    EVENT.store(index as i64, Ordering::Relaxed);
}

/// Write a line. Nobody listens any more: end quietly.
pub fn send(line: &mut Line) {
    if system::write_all(DESCRIPTOR.load(Ordering::Relaxed), line.finish()).is_err() {
        system::exit(exit_status::INTERNAL);
    }
}

/// A line that starts with the current process and event.
pub fn line(kind: &str) -> Line {
    let mut line = Line::new(kind);
    let process = PROCESS.load(Ordering::Relaxed);
    line.optional("process", (process >= 0).then_some(process));
    let event = EVENT.load(Ordering::Relaxed);
    line.optional("event", (process >= 0).then_some(event));
    if let Some(event) = segment().filter(|_| process >= 0) {
        line.number("segment", event);
    }
    line
}

/// An `error` line: the trace cannot be replayed.
pub fn error(message: impl fmt::Display, hint: &str) {
    let mut line = line("error");
    line.display("message", message).text("hint", hint);
    send(&mut line);
}

/// An `error` line for a replay error.
pub fn replay_error(error: ReplayError) {
    self::error(error, error.hint());
}

/// A fault of our own: say so and end.
pub fn internal_fault(signal: i32, ip: u64, address: u64) -> ! {
    static FAULTS: AtomicI32 = AtomicI32::new(0);
    if FAULTS.fetch_add(1, Ordering::Relaxed) > 0 {
        // A fault while reporting a fault: nothing can be said any more.
        jobs::abandon(exit_status::INTERNAL);
        system::exit(exit_status::INTERNAL);
    }
    let mut line = line("internal-error");
    line.display("message", format_args!("the replayer got signal {signal}"))
        .number("signal", signal as u64)
        .hexadecimal("ip", ip)
        .hexadecimal("address", address);
    end_internal(&mut line)
}

/// A panic: say so and end.
pub fn internal_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut line = line("internal-error");
    line.display("message", info.message());
    if let Some(location) = info.location() {
        line.text("file", location.file())
            .number("line", u64::from(location.line()));
    }
    end_internal(&mut line)
}

fn end_internal(line: &mut Line) -> ! {
    send(line);
    jobs::abandon(exit_status::INTERNAL);
    system::exit(exit_status::INTERNAL)
}

/// All registers as an object.
pub fn registers(line: &mut Line, name: &str, registers: &Registers) {
    let r = registers;
    line.object(name, |line| {
        for (name, value) in [
            ("rax", r.rax),
            ("rbx", r.rbx),
            ("rcx", r.rcx),
            ("rdx", r.rdx),
            ("rsi", r.rsi),
            ("rdi", r.rdi),
            ("rbp", r.rbp),
            ("rsp", r.rsp),
            ("r8", r.r8),
            ("r9", r.r9),
            ("r10", r.r10),
            ("r11", r.r11),
            ("r12", r.r12),
            ("r13", r.r13),
            ("r14", r.r14),
            ("r15", r.r15),
            ("rip", r.rip),
            ("rflags", r.rflags),
            ("fs_base", r.fs_base),
            ("gs_base", r.gs_base),
        ] {
            line.hexadecimal(name, value);
        }
    });
}
