//! To whom a call of the program sends a signal.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_syscalls::{Sends, SystemCall};

use crate::call::Call;
use crate::text;

/// Who gets a signal.
pub enum Recipient {
    /// A process; for numbers that are not positive several.
    Process(i32),
    Thread(i32),
}

/// A signal that a call is about to send.
pub struct Sent {
    pub to: Recipient,
    pub signal: u32,
}

/// What the call sends; `None`: nothing, or to nobody we can name.
pub fn of(call: &Call<'_>, entry: &SystemCall) -> Option<Sent> {
    let arg = |index: u8| call.args[usize::from(index)];
    let (to, signal) = match entry.sends {
        Sends::Nothing => return None,
        Sends::Process { pid, signal } => (Recipient::Process(arg(pid) as i32), signal),
        Sends::Thread { tid, signal } => (Recipient::Thread(arg(tid) as i32), signal),
        Sends::Descriptor { pidfd, signal } => {
            (Recipient::Process(behind_descriptor(arg(pidfd))?), signal)
        }
    };
    let signal = arg(signal) as u32;
    (1..=64).contains(&signal).then_some(Sent { to, signal })
}

/// The process behind a process descriptor, as the kernel tells it (`Documentation/filesystems/proc.rst`).
fn behind_descriptor(descriptor: u64) -> Option<i32> {
    const FIELD: &[u8] = b"\nPid:\t";
    let name = text!("/proc/self/fdinfo/{}\0", descriptor as i32);
    let mut text = [0u8; 512];
    // SAFETY: a NUL-terminated name and a buffer of ours.
    let length = unsafe {
        let name = name.as_str().as_ptr() as u64;
        let file = syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0);
        let length = syscall3(
            READ,
            file as u64,
            text.as_mut_ptr() as u64,
            text.len() as u64,
        );
        syscall3(CLOSE, file as u64, 0, 0);
        length
    };
    let text = text.get(..usize::try_from(length).ok()?)?;
    let at = text.windows(FIELD.len()).position(|part| part == FIELD)? + FIELD.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let pid = digits.fold(0i32, |pid, &digit| {
        pid.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'))
    });
    (pid > 0).then_some(pid)
}
