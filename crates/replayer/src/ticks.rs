//! While the program's own code runs for a client nobody counts, so a clock says when to look for a request: the
//! replayer's own timer, which the program is stopped for only if the client has asked for something.

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall3;

/// What the timer sends.
pub const SIGNAL: u32 = n::SIGALRM;
/// Between two ticks.
pub const MILLISECONDS: u64 = 10;

/// The socket that is looked at; -1: none.
static ASKED: AtomicI32 = AtomicI32::new(-1);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Tick from now on, and look at a client's socket.
pub fn begin(control: i32) {
    ASKED.store(control, Ordering::Relaxed);
    set(MILLISECONDS * 1000);
}

/// Tick no longer. A copy of this process does not, either.
pub fn end() {
    set(0);
    ASKED.store(-1, Ordering::Relaxed);
}

/// Ticks since this process, or what it is a copy of, began.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// It has ticked: whether the client asks for something.
pub fn note() -> bool {
    COUNT.fetch_add(1, Ordering::Relaxed);
    let asked = ASKED.load(Ordering::Relaxed);
    asked >= 0 && has_request(asked)
}

/// Whether something has been sent to a socket, or its other end is closed.
fn has_request(socket: i32) -> bool {
    // struct user_msghdr with room for nothing: the request stays where it is.
    let mut header = [0u64; 7];
    // SAFETY: as the structure says, the kernel writes nothing but its flags and lengths.
    let result = unsafe {
        syscall3(
            n::RECVMSG,
            socket as u64,
            (&raw mut header) as u64,
            n::MSG_DONTWAIT | n::MSG_PEEK,
        )
    };
    result >= 0
}

fn set(microseconds: u64) {
    const ITIMER_REAL: u64 = 0;
    // struct itimerval: interval and value.
    let both = [0, microseconds, 0, microseconds];
    // SAFETY: the kernel reads `both` only.
    unsafe { syscall3(n::SETITIMER, ITIMER_REAL, both.as_ptr() as u64, 0) };
}
