//! Calls that wait for a limited time and are interrupted by what the program is not to know of: they go on for what is
//! left of that time.

use reenact_freestanding::numbers::{CLOCK_GETTIME, CLOCK_REALTIME};
use reenact_freestanding::syscall::syscall2;
use reenact_syscalls::{SystemCall, TimeLimit, Wait};

use crate::call::Call;
use crate::unfinished_wait::{Span, UnfinishedWait};
use crate::{arena, guest, log};

const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;

/// What is left of the time for which a call waits.
pub struct TimeLeft {
    limit: Option<TimeLimit>,
    span: Span,
    /// A `timespec` for the kernel.
    time: [u64; 2],
    /// What the program has where the kernel writes what is left.
    untouched: Option<[u8; 16]>,
    /// The call goes on with an earlier one.
    is_later: bool,
}

impl TimeLeft {
    /// Of a call that begins. The kernel's arguments say what is left when it goes on with an earlier one.
    #[inline(always)]
    pub fn of(call: &mut Call<'_>, entry: &SystemCall) -> TimeLeft {
        let mut left = TimeLeft {
            limit: None,
            span: Span::default(),
            time: [0; 2],
            untouched: None,
            is_later: false,
        };
        if entry.time_limit.is_some() || entry.wait == Wait::Futex {
            left.begin(call, entry);
        }
        left
    }

    #[inline(never)]
    fn begin(&mut self, call: &Call<'_>, entry: &SystemCall) {
        self.limit = entry.time_limit_for(&call.args);
        let Some(limit) = self.limit else {
            return;
        };
        let Some(length_ns) = length_ns(limit, &call.args) else {
            self.limit = None;
            return;
        };
        if let TimeLimit::Sleep { left, .. } = limit {
            let mut there = [0; 16];
            let is_there = guest::read(call.args[usize::from(left)], &mut there);
            self.untouched = is_there.then_some(there);
        }
        let began = call.event.header.time;
        self.span = Span { began, length_ns };
    }

    /// If the call goes on with an earlier one it waits for what is left of that one's time.
    #[inline(always)]
    pub fn go_on(&mut self, call: &mut Call<'_>, args: &mut [u64; 6]) {
        if self.limit.is_some() && call.thread.unfinished.is_due {
            self.take_over(call, args);
        }
    }

    #[cold]
    fn take_over(&mut self, call: &mut Call<'_>, args: &mut [u64; 6]) {
        let unfinished = core::mem::take(&mut call.thread.unfinished);
        if unfinished.is_call(call.number, &call.thread.frame.registers) {
            self.span = unfinished.span;
            self.is_later = true;
            self.shorten(args);
        }
    }

    /// The call is made again, as it was interrupted by nothing that the program knows of: the kernel's arguments for
    /// that. Nor does the program know what the kernel has said to be left.
    #[cold]
    pub fn repeat(&mut self, call: &Call<'_>, args: &mut [u64; 6]) {
        if let (Some(TimeLimit::Sleep { left, .. }), Some(there)) = (self.limit, &self.untouched) {
            guest::write(call.args[usize::from(left)], there);
        }
        if self.limit.is_some() {
            self.shorten(args);
        }
    }

    /// The call ends before it has waited: the program is told so where the kernel would say what is left.
    #[cold]
    pub fn is_all(&self, call: &Call<'_>) {
        let Some(TimeLimit::Sleep { time, left }) = self.limit else {
            return;
        };
        let mut there = [0; 16];
        if guest::read(call.args[usize::from(time)], &mut there) {
            guest::write(call.args[usize::from(left)], &there);
        }
    }

    fn shorten(&mut self, args: &mut [u64; 6]) {
        let left = left_ns(self.span);
        match self.limit {
            None => {}
            Some(TimeLimit::Milliseconds(argument)) => {
                args[usize::from(argument)] = left.div_ceil(MILLISECOND_NS);
            }
            Some(TimeLimit::Time(argument) | TimeLimit::Sleep { time: argument, .. }) => {
                self.time = [left / SECOND_NS, left % SECOND_NS];
                args[usize::from(argument)] = self.time.as_ptr() as u64;
            }
        }
    }

    /// The call has been interrupted by what its tracer may make nothing of.
    #[cold]
    pub fn keep(&self, call: &mut Call<'_>) {
        let registers = call.thread.frame.registers;
        call.thread.unfinished = UnfinishedWait {
            is_due: false,
            is_later: self.is_later,
            number: call.number,
            ip: registers.rip,
            stack: registers.rsp,
            span: self.span,
        };
    }
}

/// How long a call is to wait; `None`: without a limit, or nobody can tell.
fn length_ns(limit: TimeLimit, args: &[u64; 6]) -> Option<u64> {
    match limit {
        TimeLimit::Milliseconds(argument) => {
            let count = u64::try_from(args[usize::from(argument)] as i32).ok()?;
            Some(count * MILLISECOND_NS)
        }
        TimeLimit::Time(argument) | TimeLimit::Sleep { time: argument, .. } => {
            let address = args[usize::from(argument)];
            let mut time = [[0u8; 8]; 2];
            if address == 0 || !guest::read(address, time.as_flattened_mut()) {
                return None;
            }
            let [seconds, nanoseconds] = time.map(u64::from_le_bytes);
            Some(
                seconds
                    .saturating_mul(SECOND_NS)
                    .saturating_add(nanoseconds),
            )
        }
    }
}

fn left_ns(span: Span) -> u64 {
    span.length_ns.saturating_sub(passed_ns(span.began))
}

/// Nanoseconds since the time-stamp counter had this value. It has counted at one rate since the recording began.
fn passed_ns(began: u64) -> u64 {
    let header = arena::header();
    let (now, mut clock) = (log::time(), [0u64; 2]);
    // SAFETY: a timespec of ours.
    unsafe { syscall2(CLOCK_GETTIME, CLOCK_REALTIME, clock.as_mut_ptr() as u64) };
    let clock = clock[0].wrapping_mul(SECOND_NS).wrapping_add(clock[1]);
    let nanoseconds = clock.saturating_sub(header.started_ns);
    let ticks = now.saturating_sub(header.started_counter).max(1);
    let passed =
        u128::from(now.saturating_sub(began)) * u128::from(nanoseconds) / u128::from(ticks);
    u64::try_from(passed).unwrap_or(u64::MAX)
}
