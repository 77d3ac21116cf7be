//! A filter that the program installs, copied, and as the kernel is given it.

use reenact_filters::{check, code, Action, Instruction, MOST_INSTRUCTIONS};
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall3;
use reenact_trace::layout::{REGION_END, REGION_START};

use crate::confinement::are_calls_dispatched;
use crate::guest;

const SET_MODE_FILTER: u64 = 1;
/// Offset of the high half of `instruction_pointer` in `struct seccomp_data`.
const POINTER_HIGH: u32 = 12;
const NOTHING: Instruction = instruction(0, 0, 0, 0);
const ALLOW: Instruction = instruction(code::RETURN, 0, 0, Action::ALLOW);
const NOT_BELOW: u16 = code::CONDITION | code::GREATER_EQUAL;

/// What the kernel's has in front: calls from the reserved region are ours. The registers are cleared again.
const EXCEPTION: [Instruction; 5] = [
    instruction(code::LOAD_WORD, 0, 0, POINTER_HIGH),
    instruction(NOT_BELOW, 0, 2, (REGION_START >> 32) as u32),
    instruction(NOT_BELOW, 1, 0, (REGION_END >> 32) as u32),
    ALLOW,
    instruction(code::LOAD_CONSTANT, 0, 0, 0),
];
const _: () = assert!((REGION_START | REGION_END) & 0xffff_ffff == 0);

const fn instruction(code: u16, jump_true: u8, jump_false: u8, value: u32) -> Instruction {
    Instruction {
        code,
        jump_true,
        jump_false,
        value,
    }
}

/// The exception, and the program behind it.
pub struct ProgramCopy {
    all: [Instruction; EXCEPTION.len() + MOST_INSTRUCTIONS],
    length: usize,
}

impl ProgramCopy {
    pub fn new() -> ProgramCopy {
        let mut all = [NOTHING; EXCEPTION.len() + MOST_INSTRUCTIONS];
        all[..EXCEPTION.len()].copy_from_slice(&EXCEPTION);
        ProgramCopy { all, length: 0 }
    }

    /// Copy the `struct sock_fprog` at an address, and look at it in the kernel's order
    /// (`seccomp_prepare_filter`). -errno.
    pub fn read(&mut self, argument: u64, is_permitted: bool) -> Result<(), i64> {
        let mut head = [0u8; 16];
        if !guest::read(argument, &mut head) {
            return Err(-EFAULT);
        }
        let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
        if length == 0 || length > MOST_INSTRUCTIONS {
            return Err(-EINVAL);
        }
        if !is_permitted {
            return Err(-EACCES);
        }
        let at = u64::from_le_bytes(*head.last_chunk().expect("there are 16 bytes"));
        if at == 0 {
            return Err(-EINVAL);
        }
        let place = &mut self.all[EXCEPTION.len()..][..length];
        // SAFETY: plain words as bytes.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(place.as_mut_ptr().cast::<u8>(), length * 8) };
        if !guest::read(at, bytes) {
            return Err(-EFAULT);
        }
        self.length = length;
        check(self.instructions()).map_err(|_| -EINVAL)
    }

    /// The program as it was copied.
    pub fn instructions(&self) -> &[Instruction] {
        &self.all[EXCEPTION.len()..][..self.length]
    }

    /// Install the kernel's. Its answer, which is the program's: it knows who may not.
    pub fn tell_kernel(&self, flags: u32) -> i64 {
        let whole = &self.all[..EXCEPTION.len() + self.length];
        let fits = whole.len() <= MOST_INSTRUCTIONS && are_calls_dispatched();
        let result = if fits {
            install(whole, flags)
        } else {
            install(&[ALLOW], flags)
        };
        // The exceptions add up; the program's own are not too many.
        if result == -ENOMEM {
            return 0;
        }
        result
    }
}

fn install(program: &[Instruction], flags: u32) -> i64 {
    let program = [program.len() as u64, program.as_ptr() as u64];
    // SAFETY: the kernel copies the program, two words and what they name.
    unsafe {
        let program = program.as_ptr() as u64;
        syscall3(SECCOMP, SET_MODE_FILTER, flags.into(), program)
    }
}
