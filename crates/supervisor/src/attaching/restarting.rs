//! Where a thread goes on that was stopped in a system call, or in a restartable sequence.

use libc::user_regs_struct;

/// What the kernel leaves in `rax` of a call that is to be made once more (include/linux/errno.h).
const RESTARTED: [i64; 4] = [-512, -513, -514, -516];
const EINTR: i64 = -4;
/// Bytes of code that [`named`] looks at.
pub const CODE_BEFORE: usize = 7;
/// `syscall`.
const CALL_LENGTH: u64 = 2;
/// The calls that give something up before they can be interrupted: the number is free by then, and may be another file's.
const NOT_TWICE: [libc::c_long; 1] = [libc::SYS_close];

/// What the kernel has in `rax` of a call that it makes once more by itself; `None`: it does not.
pub fn kernels(registers: &user_regs_struct) -> Option<i64> {
    let result = registers.rax as i64;
    (registers.orig_rax as i64 >= 0 && RESTARTED.contains(&result)).then_some(result)
}

/// Whether a thread was stopped in a call that is made once more. A stop interrupts some calls for good, so that the program
/// would see EINTR: of `epoll_wait` and others, and of sockets with a time limit (signal(7)). Where a signal has done so it
/// still waits, and does it again.
pub fn is_cut(registers: &user_regs_struct) -> bool {
    let number = registers.orig_rax as i64;
    let result = registers.rax as i64;
    let is_over = result != EINTR || NOT_TWICE.contains(&number);
    number >= 0 && (RESTARTED.contains(&result) || !is_over)
}

/// The registers of a thread whose wait was interrupted before, by a stop and SIGCONT: the kernel goes on with it by a call of its
/// own, which tells nothing. `code` is that up to the instruction behind it; where it says which call it is of the program's,
/// that one is it.
pub fn named(mut registers: user_regs_struct, code: &[u8; CODE_BEFORE]) -> user_regs_struct {
    const WITH_TIME_LEFT: [libc::c_long; 4] = [
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_poll,
        libc::SYS_futex,
    ];
    // `mov eax, NUMBER`, `syscall`.
    if let [0xb8, a, b, c, d, 0x0f, 0x05] = *code {
        let number = libc::c_long::from(u32::from_le_bytes([a, b, c, d]));
        let is_going_on = registers.orig_rax as libc::c_long == libc::SYS_restart_syscall;
        if is_going_on && WITH_TIME_LEFT.contains(&number) {
            registers.orig_rax = number as u64;
        }
    }
    registers
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
    fn a_wait_that_goes_on_is_the_programs_call() {
        let going_on = stopped(libc::SYS_restart_syscall, -516);
        let sleep = named(going_on, &[0xb8, 230, 0, 0, 0, 0x0f, 0x05]);
        assert_eq!(sleep.orig_rax as i64, libc::SYS_clock_nanosleep);
        for code in [[0xb8, 1, 0, 0, 0, 0x0f, 0x05], [0x90; 7]] {
            assert_eq!(named(going_on, &code).orig_rax, going_on.orig_rax);
        }
        let other = stopped(libc::SYS_read, -512);
        let code = [0xb8, 35, 0, 0, 0, 0x0f, 0x05];
        assert_eq!(named(other, &code).orig_rax as i64, libc::SYS_read);
    }

    #[test]
    fn sequences() {
        assert_eq!(aborted(0x105, &[0, 0x100, 8, 0x900]), Some(0x900));
        assert_eq!(aborted(0x108, &[0, 0x100, 8, 0x900]), None);
        assert_eq!(aborted(0xff, &[0, 0x100, 8, 0x900]), None);
    }
}
