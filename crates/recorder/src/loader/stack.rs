//! The initial stack: the kernel made it for the recorder, the program is to find it as the
//! kernel would have made it for the program.

use reenact_freestanding::numbers::{AT_EXECFN, AT_NULL, AT_RANDOM, PAGE};
use reenact_trace::arena::SLOT_VARIABLE;

/// The kernel's layout: argc, argv, 0, envp, 0, auxv.
pub struct InitialStack {
    pub sp: u64,
    pub argc: u64,
    pub argv: u64,
    pub envp: u64,
    pub environment: u64,
    pub auxv: u64,
    /// Number of (type, value) pairs, with AT_NULL.
    pub entries: u64,
}

fn word(at: u64) -> u64 {
    // SAFETY: inside the stack the kernel made.
    unsafe { (at as *const u64).read() }
}

fn set(at: u64, value: u64) {
    // SAFETY: inside the stack the kernel made.
    unsafe { (at as *mut u64).write(value) };
}

fn c_string(at: u64) -> &'static [u8] {
    // SAFETY: the kernel's strings are NUL-terminated.
    unsafe { core::ffi::CStr::from_ptr(at as *const core::ffi::c_char) }.to_bytes()
}

impl InitialStack {
    pub fn parse(sp: u64) -> InitialStack {
        let argc = word(sp);
        let argv = sp + 8;
        let envp = argv + (argc + 1) * 8;
        let mut environment = 0;
        while word(envp + environment * 8) != 0 {
            environment += 1;
        }
        let auxv = envp + (environment + 1) * 8;
        let mut entries = 1;
        while word(auxv + (entries - 1) * 16) != AT_NULL {
            entries += 1;
        }
        InitialStack {
            sp,
            argc,
            argv,
            envp,
            environment,
            auxv,
            entries,
        }
    }

    pub fn auxiliary(&self, kind: u64) -> Option<u64> {
        (0..self.entries)
            .map(|index| self.auxv + index * 16)
            .find(|&at| word(at) == kind)
            .map(|at| word(at + 8))
    }

    pub fn set_auxiliary(&self, kind: u64, value: u64) {
        for index in 0..self.entries {
            let at = self.auxv + index * 16;
            if word(at) == kind {
                set(at + 8, value);
            }
        }
    }

    /// Where the strings of a list of so many pointers begin and end.
    pub fn strings(&self, list: u64, count: u64) -> (u64, u64) {
        let Some(last) = count.checked_sub(1) else {
            return (self.sp, self.sp);
        };
        let last = word(list + last * 8);
        (word(list), last + c_string(last).len() as u64 + 1)
    }

    /// The slot number in the last environment string, if it is ours.
    pub fn slot(&self) -> Option<usize> {
        if self.environment == 0 {
            return None;
        }
        let last = c_string(word(self.envp + (self.environment - 1) * 8));
        let digits = last.strip_prefix(SLOT_VARIABLE.as_bytes())?;
        core::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Number at the end of AT_EXECFN (`/dev/fd/N`): the recorder's own descriptor.
    pub fn own_descriptor(&self) -> Option<i32> {
        let name = c_string(self.auxiliary(AT_EXECFN)?);
        let digits = name.strip_prefix(b"/dev/fd/")?;
        core::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// One past the last byte of the stack's mapping.
    pub fn top(&self) -> u64 {
        // The name of the executed file is the last thing on the stack, before one null word.
        let name = self.auxiliary(AT_EXECFN).unwrap_or(self.sp);
        (name + c_string(name).len() as u64 + 8 + PAGE - 1) & !(PAGE - 1)
    }

    /// Take our variable out of the environment, erase it, and put `exec_name` where the kernel puts
    /// it: the last string of the stack. Our variable, which was made long enough, and the
    /// recorder's own name leave the room. The pointer arrays move up. Returns the stack as it is
    /// then; `None` when there is no room.
    pub fn make_native(self, exec_name: &[u8]) -> Option<InitialStack> {
        let variable = word(self.envp + (self.environment - 1) * 8);
        let name = self.auxiliary(AT_EXECFN)?;
        let end_of_strings = name + c_string(name).len() as u64 + 1;
        let name_at = end_of_strings - (exec_name.len() as u64 + 1);
        if name_at < variable {
            return None;
        }
        erase(variable);
        erase(name);
        // SAFETY: between our variable and the end of the strings, all of it erased.
        unsafe {
            core::ptr::copy_nonoverlapping(exec_name.as_ptr(), name_at as *mut u8, exec_name.len());
        }
        let end = self.auxv + self.entries * 16;
        // One pointer goes away; the kernel keeps the stack pointer aligned to 16 bytes.
        let words = (end - self.sp) / 8 - 1;
        let data = self.auxiliary(AT_RANDOM).filter(|&at| at >= end);
        let sp = (data.unwrap_or(end) - words * 8) & !15;
        let skip = self.envp + (self.environment - 1) * 8;
        // Nothing is overwritten before it is read: what lies above our pointer moves up 8 bytes
        // less than what lies below, by 8 at least, or all of it stays or moves down.
        let kept = |from: &u64| *from != skip;
        let sources = (0..words + 1).map(|index| self.sp + index * 8);
        if sp > self.sp {
            let mut to = sp + words * 8;
            for from in sources.rev().filter(kept) {
                to -= 8;
                set(to, word(from));
            }
            (self.sp..sp).step_by(8).for_each(|at| set(at, 0));
        } else {
            let mut to = sp;
            for from in sources.filter(kept) {
                set(to, word(from));
                to += 8;
            }
            (to..end).step_by(8).for_each(|at| set(at, 0));
        }
        let stack = InitialStack::parse(sp);
        stack.set_auxiliary(AT_EXECFN, name_at);
        Some(stack)
    }
}

/// Overwrite a string with zeros.
fn erase(at: u64) {
    let length = c_string(at).len();
    // SAFETY: the string is ours on the stack the kernel made.
    unsafe { core::ptr::write_bytes(at as *mut u8, 0, length) };
}
