//! Ctrl-C while recording.
//!
//! The recorded program is in the same foreground process group, so the terminal sends it
//! SIGINT and SIGQUIT too; the first one is its business alone. The second within two seconds
//! stops the recording (the program goes on), a third within two seconds of that kills
//! every recorded process.

use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const WINDOW_MS: u64 = 2_000;

static PRESSED: AtomicU32 = AtomicU32::new(0);
static LAST_MS: AtomicU64 = AtomicU64::new(0);

extern "C" fn note(_signal: libc::c_int) {
    // clock_gettime is async-signal-safe; so are the atomics.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64);
    if now.saturating_sub(LAST_MS.swap(now, Ordering::AcqRel)) > WINDOW_MS {
        PRESSED.store(0, Ordering::Release);
    }
    PRESSED.fetch_add(1, Ordering::AcqRel);
}

/// How often in a row Ctrl-C was pressed, each within two seconds of the one before.
pub fn pressed() -> u32 {
    PRESSED.load(Ordering::Acquire)
}

/// While it lives, SIGINT and SIGQUIT are counted; then the old actions return.
pub struct Interrupts {
    saved: Vec<(libc::c_int, libc::sigaction)>,
}

impl Interrupts {
    pub fn install() -> Interrupts {
        PRESSED.store(0, Ordering::Release);
        let mut saved = Vec::new();
        for signal in [libc::SIGINT, libc::SIGQUIT] {
            // SAFETY: sigaction on local structures; the handler is async-signal-safe.
            unsafe {
                let mut old: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(signal, ptr::null(), &mut old) != 0
                    || old.sa_sigaction == libc::SIG_IGN
                {
                    continue; // Ignored (nohup, background job): stays so for the program.
                }
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = note as *const () as libc::sighandler_t;
                action.sa_flags = libc::SA_RESTART;
                if libc::sigaction(signal, &action, ptr::null_mut()) == 0 {
                    saved.push((signal, old));
                }
            }
        }
        Interrupts { saved }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        for (signal, action) in &self.saved {
            // SAFETY: restoring what sigaction gave us.
            unsafe {
                libc::sigaction(*signal, action, ptr::null_mut());
            }
        }
    }
}
