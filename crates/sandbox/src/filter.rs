//! Rules about system calls and their arguments, written as a program of the kernel's packet filter
//! (Documentation/userspace-api/seccomp_filter.rst). What no rule allows kills the process.

use linux_raw_sys::if_tun::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
};
use linux_raw_sys::ptrace::{
    AUDIT_ARCH_X86_64, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP,
};

/// Offsets in the kernel's `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// High half of `instruction_pointer`.
const POINTER_HIGH: u32 = 12;
const ARGUMENTS: u32 = 16;

const LOAD: u32 = BPF_LD | BPF_W | BPF_ABS;
const RETURN: u32 = BPF_RET | BPF_K;

/// One instruction (`struct sock_filter`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    operand: u32,
}

const KILL: Instruction = instruction(RETURN, 0, 0, SECCOMP_RET_KILL_PROCESS);

const fn instruction(code: u32, jump_true: u8, jump_false: u8, operand: u32) -> Instruction {
    Instruction {
        code: code as u16,
        jump_true,
        jump_false,
        operand,
    }
}

/// What an argument must be; the number is its place, from 0 on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check<'a> {
    /// This value.
    Is(u8, u64),
    /// One of these.
    OneOf(u8, &'a [u32]),
    /// None but these bits.
    Within(u8, u32),
    /// One of these descriptors, or one that is made later: not below `from`.
    Descriptor(u8, &'a [u32], u32),
}

/// Most instructions of a filter here.
const MOST: usize = 512;

/// A seccomp program.
#[derive(Clone, Debug)]
pub struct Filter {
    instructions: [Instruction; MOST],
    length: usize,
}

impl Filter {
    /// Allows nothing.
    pub(crate) fn new() -> Filter {
        Filter::empty().checking_calls()
    }

    /// Allows nothing, and traps calls by which architecture so ever that do not come from addresses whose high half is
    /// in a range.
    pub(crate) fn trapping((start, end): (u32, u32)) -> Filter {
        let mut filter = Filter::empty();
        filter.add(LOAD, 0, 0, POINTER_HIGH);
        filter.add(BPF_JMP | BPF_JGE, 0, 1, start);
        filter.add(BPF_JMP | BPF_JGE, 0, 1, end);
        filter.add(RETURN, 0, 0, SECCOMP_RET_TRAP);
        filter.checking_calls()
    }

    fn empty() -> Filter {
        Filter {
            instructions: [KILL; MOST],
            length: 0,
        }
    }

    fn checking_calls(mut self) -> Filter {
        let filter = &mut self;
        filter.add(LOAD, 0, 0, ARCHITECTURE);
        filter.add(BPF_JMP | BPF_JEQ, 1, 0, AUDIT_ARCH_X86_64);
        filter.add(RETURN, 0, 0, SECCOMP_RET_KILL_PROCESS);
        filter.add(LOAD, 0, 0, NUMBER);
        self
    }

    /// The program; it ends by killing what has come to its end.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions[..=self.length]
    }

    /// Allow a call whose arguments pass all checks. One rule for each call: the first one decides.
    pub(crate) fn allow(&mut self, call: u32, checks: &[Check<'_>]) {
        let start = self.length;
        // Over the whole rule, as soon as that is known.
        self.add(BPF_JMP | BPF_JEQ, 0, 0, call);
        for check in checks {
            self.check(check);
        }
        self.add(RETURN, 0, 0, SECCOMP_RET_ALLOW);
        let rule = self.length - start - 1;
        assert!(rule <= usize::from(u8::MAX), "a rule is longer than a jump");
        self.instructions[start].jump_false = rule as u8;
    }

    fn check(&mut self, check: &Check<'_>) {
        match *check {
            Check::Is(argument, value) => {
                self.load_high(argument);
                self.need(BPF_JEQ, (value >> 32) as u32);
                self.load_low(argument);
                self.need(BPF_JEQ, value as u32);
            }
            Check::OneOf(argument, values) => {
                self.load_small(argument);
                self.one_of(values, None);
            }
            Check::Within(argument, bits) => {
                self.load_small(argument);
                // Kill where the bit is found: over one instruction where it is not.
                self.add(BPF_JMP | BPF_JSET, 0, 1, !bits);
                self.kill();
            }
            Check::Descriptor(argument, descriptors, from) => {
                self.load_small(argument);
                self.one_of(descriptors, Some(from));
            }
        }
    }

    /// Go on where the loaded word is one of these, or not below a limit.
    fn one_of(&mut self, values: &[u32], at_least: Option<u32>) {
        // Behind the comparisons that are left and the kill.
        let mut left = values.len() + usize::from(at_least.is_some());
        for &value in values {
            self.add(BPF_JMP | BPF_JEQ, left as u8, 0, value);
            left -= 1;
        }
        if let Some(limit) = at_least {
            self.add(BPF_JMP | BPF_JGE, 1, 0, limit);
        }
        self.kill();
    }

    /// Go on where the comparison of the loaded word holds.
    fn need(&mut self, comparison: u32, operand: u32) {
        self.add(BPF_JMP | comparison, 1, 0, operand);
        self.kill();
    }

    /// Load an argument that must fit in a word.
    fn load_small(&mut self, argument: u8) {
        self.load_high(argument);
        self.need(BPF_JEQ, 0);
        self.load_low(argument);
    }

    fn load_low(&mut self, argument: u8) {
        self.add(LOAD, 0, 0, ARGUMENTS + 8 * u32::from(argument));
    }

    fn load_high(&mut self, argument: u8) {
        self.add(LOAD, 0, 0, ARGUMENTS + 8 * u32::from(argument) + 4);
    }

    fn kill(&mut self) {
        self.add(RETURN, 0, 0, SECCOMP_RET_KILL_PROCESS);
    }

    fn add(&mut self, code: u32, jump_true: u8, jump_false: u8, operand: u32) {
        // One is kept for the end, which kills.
        assert!(self.length < MOST - 1, "a filter is longer than its room");
        self.instructions[self.length] = instruction(code, jump_true, jump_false, operand);
        self.length += 1;
    }
}
