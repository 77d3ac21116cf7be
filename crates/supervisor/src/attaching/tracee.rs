//! A thread of another process that is held by ptrace.
//!
//! It is seized, so that it takes notice of nothing, and stopped by PTRACE_INTERRUPT; what it does for us it does by system
//! calls that are stopped at on both sides, which send it no signal.

use std::io;
use std::mem::{size_of, zeroed};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, c_void, pid_t, user_fpregs_struct, user_regs_struct};

/// How a stop at a system call is told.
const CALL_STOP: c_int = libc::SIGTRAP | 0x80;

/// Whether a stop is one by PTRACE_INTERRUPT, or of a process that is stopped.
fn is_event_stop(stop: c_int) -> bool {
    stop >> 8 == libc::PTRACE_EVENT_STOP
}

/// Why a thread has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was asked to.
    Asked,
    /// This signal is about to be delivered.
    Signal(c_int),
    /// It has made another thread or process: its id.
    Made { tid: pid_t, is_thread: bool },
    /// For nothing that matters here.
    Other,
    /// It has ended.
    Gone,
}
/// Requests (include/uapi/linux/ptrace.h), which C libraries name in different types.
const CONT: u32 = 7;
const SINGLESTEP: u32 = 9;
const GETREGS: u32 = 12;
const SETREGS: u32 = 13;
const GETFPREGS: u32 = 14;
const DETACH: u32 = 17;
const SYSCALL: u32 = 24;
const SEIZE: u32 = 0x4206;
const INTERRUPT: u32 = 0x4207;
const GET_EVENT_MESSAGE: u32 = 0x4201;
const GET_SIGNAL_MASK: u32 = 0x420a;
const SET_SIGNAL_MASK: u32 = 0x420b;
const GET_RSEQ_CONFIGURATION: u32 = 0x420f;

/// How long one may take to stop: only a few waits go on.
const MOST_WAIT: Duration = Duration::from_secs(5);

/// A thread that is seized.
pub struct Tracee {
    pub tid: pid_t,
}

fn request(what: u32, tid: pid_t, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: what the kernel writes to is passed by callers who own it.
    let result =
        unsafe { libc::ptrace(what as _, tid, address as *mut c_void, data as *mut c_void) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl Tracee {
    /// Seize a thread and stop it.
    ///
    /// # Errors
    /// EPERM without permission, or where it is traced already; ESRCH when it has ended; ETIMEDOUT when it does not stop: it is
    /// let go when this thread ends.
    pub fn seize(tid: pid_t) -> io::Result<Tracee> {
        Tracee::seize_with(tid, 0)
    }

    /// The same, being told of what it makes, too (PTRACE_O_*).
    pub fn seize_with(tid: pid_t, options: c_int) -> io::Result<Tracee> {
        let options = (libc::PTRACE_O_TRACESYSGOOD | options) as usize;
        request(SEIZE, tid, 0, options)?;
        let tracee = Tracee { tid };
        request(INTERRUPT, tid, 0, 0)?;
        tracee.await_stop()?;
        loop {
            match tracee.wait()? {
                stop if is_event_stop(stop) => return Ok(tracee),
                // A signal that came before.
                signal if signal >> 8 == 0 => {
                    tracee.proceed(CONT, signal)?;
                    // A stop for another reason takes the place of the one asked for (ptrace_stop, kernel/signal.c).
                    tracee.interrupt()?;
                }
                _ => return Err(io::Error::from_raw_os_error(libc::EBUSY)),
            }
        }
    }

    /// Ask it to stop.
    pub fn interrupt(&self) -> io::Result<()> {
        request(INTERRUPT, self.tid, 0, 0)
    }

    /// Let it run, with a signal or (0) without one.
    pub fn resume(&self, signal: c_int) -> io::Result<()> {
        self.proceed(CONT, signal)
    }

    /// Whether it has stopped or ended, and why; without waiting for that.
    pub fn poll(&self) -> io::Result<Option<Stop>> {
        let mut status = 0;
        // SAFETY: asks for a thread that we trace.
        let result = unsafe { libc::waitpid(self.tid, &mut status, libc::__WALL | libc::WNOHANG) };
        if result == 0 {
            return Ok(None);
        }
        if result < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ECHILD | libc::ESRCH) => Ok(Some(Stop::Gone)),
                _ => Err(error),
            };
        }
        if !libc::WIFSTOPPED(status) {
            return Ok(Some(Stop::Gone));
        }
        let stop = status >> 8;
        Ok(Some(match stop >> 8 {
            0 if stop == CALL_STOP => Stop::Other,
            0 => Stop::Signal(stop),
            libc::PTRACE_EVENT_STOP => Stop::Asked,
            event @ (libc::PTRACE_EVENT_CLONE
            | libc::PTRACE_EVENT_FORK
            | libc::PTRACE_EVENT_VFORK) => Stop::Made {
                tid: self.message()? as pid_t,
                is_thread: event == libc::PTRACE_EVENT_CLONE,
            },
            _ => Stop::Other,
        }))
    }

    /// What an event is about.
    fn message(&self) -> io::Result<u64> {
        let mut message = 0u64;
        let at = ptr::from_mut(&mut message) as usize;
        request(GET_EVENT_MESSAGE, self.tid, 0, at)?;
        Ok(message)
    }

    /// Wait for a stop, which [`Tracee::wait`] takes, for a limited time.
    fn await_stop(&self) -> io::Result<()> {
        const PAUSE: Duration = Duration::from_micros(100);
        let began = Instant::now();
        while began.elapsed() < MOST_WAIT {
            // SAFETY: numbers, which the kernel fills in.
            let mut told: libc::siginfo_t = unsafe { zeroed() };
            let what =
                libc::WSTOPPED | libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
            // SAFETY: asks for a thread that we trace.
            let result = unsafe { libc::waitid(libc::P_PID, self.tid as _, &mut told, what) };
            // SAFETY: filled in, or zeros: nothing has come.
            if result < 0 || unsafe { told.si_pid() } != 0 {
                return Ok(());
            }
            // It takes microseconds, and there may be many threads.
            if began.elapsed() < PAUSE {
                thread::yield_now();
            } else {
                thread::sleep(PAUSE);
            }
        }
        Err(io::Error::from_raw_os_error(libc::ETIMEDOUT))
    }

    /// The next stop: its signal, and in the second byte what it is about.
    fn wait(&self) -> io::Result<c_int> {
        let mut status = 0;
        loop {
            // SAFETY: waiting for a thread that we trace.
            if unsafe { libc::waitpid(self.tid, &mut status, libc::__WALL) } == self.tid {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        if !libc::WIFSTOPPED(status) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(status >> 8)
    }

    fn proceed(&self, how: u32, signal: c_int) -> io::Result<()> {
        request(how, self.tid, 0, signal as usize)
    }

    /// Its general registers.
    pub fn registers(&self) -> io::Result<user_regs_struct> {
        // SAFETY: numbers, which the kernel fills in.
        let mut registers: user_regs_struct = unsafe { zeroed() };
        let at = ptr::from_mut(&mut registers) as usize;
        request(GETREGS, self.tid, 0, at)?;
        Ok(registers)
    }

    /// Set them.
    pub fn set_registers(&self, registers: &user_regs_struct) -> io::Result<()> {
        let at = ptr::from_ref(registers) as usize;
        request(SETREGS, self.tid, 0, at)
    }

    /// The low 128 bits of its vector registers.
    pub fn vectors(&self) -> io::Result<[[u64; 2]; 16]> {
        // SAFETY: as above.
        let mut state: user_fpregs_struct = unsafe { zeroed() };
        let at = ptr::from_mut(&mut state) as usize;
        request(GETFPREGS, self.tid, 0, at)?;
        let word =
            |at: usize| u64::from(state.xmm_space[at]) | u64::from(state.xmm_space[at + 1]) << 32;
        Ok(std::array::from_fn(|index| {
            [word(4 * index), word(4 * index + 2)]
        }))
    }

    /// Signals that it blocks.
    pub fn signal_mask(&self) -> io::Result<u64> {
        let mut mask = 0u64;
        let at = ptr::from_mut(&mut mask) as usize;
        request(GET_SIGNAL_MASK, self.tid, size_of::<u64>(), at)?;
        Ok(mask)
    }

    pub fn set_signal_mask(&self, mask: u64) -> io::Result<()> {
        let at = ptr::from_ref(&mask) as usize;
        request(SET_SIGNAL_MASK, self.tid, size_of::<u64>(), at)
    }

    /// Address, size and signature of its restartable sequences; zeros where there are none, or the kernel does not tell.
    pub fn restartable(&self) -> [u64; 3] {
        let mut told = [0u64; 3];
        let at = told.as_mut_ptr() as usize;
        match request(GET_RSEQ_CONFIGURATION, self.tid, size_of_val(&told), at) {
            Ok(()) => [told[0], told[1] & 0xffff_ffff, told[1] >> 32],
            Err(_) => [0; 3],
        }
    }

    /// Let it make a system call by the instruction at `site`; the result, -errno included. Its registers are changed.
    pub fn call(&self, site: u64, number: libc::c_long, arguments: [u64; 6]) -> io::Result<i64> {
        let mut registers = self.registers()?;
        let [a, b, c, d, e, f] = arguments;
        registers.rax = number as u64;
        registers.orig_rax = u64::MAX;
        registers.rip = site;
        (registers.rdi, registers.rsi, registers.rdx) = (a, b, c);
        (registers.r10, registers.r8, registers.r9) = (d, e, f);
        self.set_registers(&registers)?;
        for _ in 0..2 {
            self.proceed(SYSCALL, 0)?;
            while self.wait()? != CALL_STOP {
                // A stop of another kind, on the way.
                self.proceed(SYSCALL, 0)?;
            }
        }
        Ok(self.registers()?.rax as i64)
    }

    /// Let it run from `entry`, on the stack that ends at `stack`, with an argument, up to a breakpoint; what is in `rax` there.
    pub fn run(&self, entry: u64, stack: u64, argument: u64) -> io::Result<i64> {
        self.run_amid(entry, stack, argument, |_| None)
    }

    /// The same, while more signals (a mask) are the recorder's.
    pub fn run_with(&self, entry: u64, stack: u64, argument: u64, taken: u64) -> io::Result<i64> {
        self.run_amid(entry, stack, argument, |signal| {
            (taken & 1 << (signal - 1) != 0).then_some(signal)
        })
    }

    /// The same, while some signals (a mask) are nobody's any more.
    pub fn run_without(
        &self,
        entry: u64,
        stack: u64,
        argument: u64,
        dropped: u64,
    ) -> io::Result<i64> {
        self.run_amid(entry, stack, argument, |signal| {
            (dropped & 1 << (signal - 1) != 0).then_some(0)
        })
    }

    /// Run amid signals that are passed on as others (0: not), or not to come (`None`).
    fn run_amid(
        &self,
        entry: u64,
        stack: u64,
        argument: u64,
        passed: impl Fn(c_int) -> Option<c_int>,
    ) -> io::Result<i64> {
        self.jump(entry, stack, argument)?;
        let mut signal = 0;
        loop {
            self.proceed(CONT, signal)?;
            signal = match self.wait()? {
                libc::SIGTRAP => return Ok(self.registers()?.rax as i64),
                // A bad pointer of the program's, which the recorder notices.
                fault @ (libc::SIGSEGV | libc::SIGBUS) => fault,
                stop if is_event_stop(stop) => 0,
                other => match passed(other & 0x7f).filter(|_| other >> 8 == 0) {
                    Some(signal) => signal,
                    None => {
                        let text = format!("signal {} in the recorder", other & 0x7f);
                        return Err(io::Error::other(text));
                    }
                },
            };
        }
    }

    /// Let it go on from `entry` when it goes on.
    pub fn jump(&self, entry: u64, stack: u64, argument: u64) -> io::Result<()> {
        let mut registers = self.registers()?;
        registers.rip = entry;
        registers.rsp = stack;
        registers.rdi = argument;
        registers.orig_rax = u64::MAX;
        registers.eflags = 0x202;
        self.set_registers(&registers)
    }

    /// Execute one instruction.
    pub fn step(&self) -> io::Result<()> {
        self.proceed(SINGLESTEP, 0)?;
        self.wait().map(drop)
    }

    /// Let it go.
    pub fn detach(&self) -> io::Result<()> {
        self.proceed(DETACH, 0)
    }
}
