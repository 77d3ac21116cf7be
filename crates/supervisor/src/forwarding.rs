//! Signals sent to `reenact` by number (`kill`, a service manager) while it records: the sender
//! means the program, which would have got them had it been started directly.
//!
//! What the terminal sends goes to the whole foreground group and so to the program already;
//! those signals are the kernel's own (`SI_KERNEL`) and are not sent a second time. What somebody sends to
//! the group cannot be told from what is sent to us: it is passed on with a mark, and the recorder in the
//! program leaves out the second of both.

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use reenact_trace::arena::FORWARDED;

/// Where `si_value` is in a siginfo_t, in words.
const VALUE: usize = 3;

const PASSED_ON: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2];

/// The program's pid; 0 before it starts and after it has ended.
static TARGET: AtomicI32 = AtomicI32::new(0);
/// Signals (bit by number) that came while there was no target.
static WAITING: AtomicU64 = AtomicU64::new(0);

extern "C" fn pass_on(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes a valid siginfo_t to an SA_SIGINFO handler.
    let sent_by_somebody = unsafe { (*info).si_code } <= libc::SI_USER;
    if !sent_by_somebody {
        return;
    }
    match TARGET.load(Ordering::Acquire) {
        0 => {
            WAITING.fetch_or(1 << signal, Ordering::AcqRel);
        }
        // SAFETY: a system call, on a copy of the kernel's siginfo_t with room for all of it.
        pid => unsafe {
            let mut told = *info;
            told.si_code = libc::SI_QUEUE;
            (&raw mut told).cast::<u64>().add(VALUE).write(FORWARDED);
            libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal, &raw const told);
        },
    }
}

/// While it lives, signals sent to us go to the program; then the old actions return.
pub struct Forwarding {
    saved: Vec<(libc::c_int, libc::sigaction)>,
}

impl Forwarding {
    pub fn install() -> Forwarding {
        TARGET.store(0, Ordering::Release);
        WAITING.store(0, Ordering::Release);
        let mut saved = Vec::new();
        for signal in PASSED_ON {
            // SAFETY: sigaction on local structures; the handler is async-signal-safe.
            unsafe {
                let mut old: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(signal, ptr::null(), &mut old) != 0
                    || old.sa_sigaction != libc::SIG_DFL
                {
                    continue; // Ignored (nohup), or the caller's own business.
                }
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = pass_on as *const () as libc::sighandler_t;
                action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
                if libc::sigaction(signal, &action, ptr::null_mut()) == 0 {
                    saved.push((signal, old));
                }
            }
        }
        Forwarding { saved }
    }

    /// The program has started: it gets what has come and what will come.
    pub fn begin(&self, pid: libc::pid_t) {
        TARGET.store(pid, Ordering::Release);
        let waiting = WAITING.swap(0, Ordering::AcqRel);
        for signal in PASSED_ON {
            if waiting & 1 << signal != 0 {
                // SAFETY: sending a signal to our own child.
                unsafe { libc::kill(pid, signal) };
            }
        }
    }
}

/// The program has ended: its pid may soon be another's. From here on the signals mean us.
pub fn end() {
    TARGET.store(0, Ordering::Release);
}

/// Whether a signal that ends programs came after the program had ended.
pub fn asked_to_stop() -> bool {
    WAITING.load(Ordering::Acquire) & (1 << libc::SIGTERM | 1 << libc::SIGHUP) != 0
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        TARGET.store(0, Ordering::Release);
        for (signal, action) in &self.saved {
            // SAFETY: restoring what sigaction gave us.
            unsafe {
                libc::sigaction(*signal, action, ptr::null_mut());
            }
        }
    }
}
