//! To whom a call of the program sends a signal.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall3, syscall4};
use reenact_syscalls::{Sends, SystemCall};

use crate::call::Call;
use crate::{guest, text};

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
    /// What whoever gets it is told of it (`siginfo_t`).
    pub info: [u64; 16],
}

/// What the call sends; `None`: nothing, or to nobody we can name.
pub fn of(call: &Call<'_>, entry: &SystemCall) -> Option<Sent> {
    let arg = |index: u8| call.args[usize::from(index)];
    let (to, signal, information) = match entry.sends {
        Sends::Nothing => return None,
        Sends::Process {
            pid,
            signal,
            information,
        } => (Recipient::Process(arg(pid) as i32), signal, information),
        Sends::Thread {
            tid,
            signal,
            information,
        } => (Recipient::Thread(arg(tid) as i32), signal, information),
        Sends::Descriptor {
            pidfd,
            signal,
            information,
        } => {
            let to = Recipient::Process(behind_descriptor(arg(pidfd))?);
            (to, signal, information)
        }
    };
    let signal = arg(signal) as u32;
    if !(1..=64).contains(&signal) {
        return None;
    }
    let given = information.map_or(0, arg);
    let info = told(&to, signal, given);
    Some(Sent { to, signal, info })
}

/// What a signal's recipient is told: what the program gave, otherwise who sent it (`prepare_kill_siginfo` and
/// `do_tkill` of kernel/signal.c).
fn told(to: &Recipient, signal: u32, given: u64) -> [u64; 16] {
    const SI_TKILL: i32 = -6;
    let mut info = [0u64; 16];
    // SAFETY: plain words as bytes.
    let bytes = unsafe { core::slice::from_raw_parts_mut(info.as_mut_ptr().cast::<u8>(), 128) };
    if given != 0 && guest::read(given, bytes) {
        info[0] = info[0] & !0xffff_ffff | u64::from(signal);
        return info;
    }
    let code = match to {
        Recipient::Process(_) => 0,
        Recipient::Thread(_) => SI_TKILL,
    };
    // SAFETY: no effect.
    let (pid, user) = unsafe { (syscall0(GETPID) as u64, syscall0(GETUID) as u64) };
    (info[0], info[1], info[2]) = (u64::from(signal), u64::from(code as u32), pid | user << 32);
    info
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
