//! Where a thread goes on that was stopped in a system call, or in a restartable sequence.

use libc::user_regs_struct;

/// What the kernel leaves in `rax` of a call that is to be made once more (include/linux/errno.h).
const RESTARTED: [i64; 4] = [-512, -513, -514, -516];
const EINTR: i64 = -4;
/// `syscall`.
const CALL_LENGTH: u64 = 2;
/// The calls that give something up before they can be interrupted: the number is free by then, and may be another file's.
const NOT_TWICE: [libc::c_long; 1] = [libc::SYS_close];

/// Whether a thread was stopped in a call that is made once more. A stop interrupts some calls for good, so that the program
/// would see EINTR: of `epoll_wait` and others, and of sockets with a time limit (signal(7)). Where a signal has done so it
/// still waits, and does it again.
pub fn is_cut(registers: &user_regs_struct) -> bool {
    let number = registers.orig_rax as i64;
    let result = registers.rax as i64;
    let is_over = result != EINTR || NOT_TWICE.contains(&number);
    number >= 0 && (RESTARTED.contains(&result) || !is_over)
}

/// The registers with which a thread goes on: before the call that it was stopped in, if it was.
pub fn continued(mut registers: user_regs_struct) -> user_regs_struct {
    if is_cut(&registers) {
        registers.rip = registers.rip.wrapping_sub(CALL_LENGTH);
        registers.rax = registers.orig_rax;
    }
    registers.orig_rax = u64::MAX;
    registers
}

/// Where a thread goes on that was stopped in a restartable sequence; `None`: it was in none. `section` is what the thread has
/// told of the sequence (`struct rseq_cs`).
pub fn aborted(rip: u64, section: &[u64; 4]) -> Option<u64> {
    let [_, start, length, abort] = *section;
    (rip.wrapping_sub(start) < length).then_some(abort)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(number: i64, result: i64) -> user_regs_struct {
        // SAFETY: numbers.
        let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
        (registers.orig_rax, registers.rax) = (number as u64, result as u64);
        registers.rip = 0x1002;
        registers
    }

    #[test]
    fn a_call_that_waited_is_made_once_more() {
        for (number, result) in [
            (libc::SYS_read, -512),
            (libc::SYS_nanosleep, -516),
            (libc::SYS_epoll_wait, -4),
            (libc::SYS_recvfrom, -4),
        ] {
            let found = continued(stopped(number, result));
            assert_eq!((found.rip, found.rax as i64), (0x1000, number));
        }
    }

    #[test]
    fn a_call_that_is_over_is_over() {
        for (number, result) in [(libc::SYS_read, 5), (libc::SYS_close, -4), (-1, -512)] {
            let found = continued(stopped(number, result));
            assert_eq!((found.rip, found.rax as i64), (0x1002, result));
        }
    }

    #[test]
    fn sequences() {
        assert_eq!(aborted(0x105, &[0, 0x100, 8, 0x900]), Some(0x900));
        assert_eq!(aborted(0x108, &[0, 0x100, 8, 0x900]), None);
        assert_eq!(aborted(0xff, &[0, 0x100, 8, 0x900]), None);
    }
}
