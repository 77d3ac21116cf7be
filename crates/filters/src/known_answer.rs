//! Calls that a program allows whatever their arguments are: most of them, and there is no need to run it
//! (`seccomp_is_const_allow` of kernel/seccomp.c).

use crate::action::Action;
use crate::instruction::{code, CallData, Instruction};
use crate::run::holds;

/// Whether a program that [`crate::check`] has accepted allows all calls of a number, as far as it decides by
/// number and architecture alone. False: it has to be run.
pub fn always_allows(program: &[Instruction], number: i32, architecture: u32) -> bool {
    let mut a = 0u32;
    let mut at = 0;
    while let Some(instruction) = program.get(at) {
        at += 1;
        let value = instruction.value;
        match instruction.code {
            code::LOAD_WORD if value == CallData::NUMBER_AT => a = number as u32,
            code::LOAD_WORD if value == CallData::ARCHITECTURE_AT => a = architecture,
            code::RETURN => return value == Action::ALLOW,
            code::JUMP => at += value as usize,
            other if other & (code::CLASS | code::BY_X) == code::CONDITION => {
                at += usize::from(if holds(other & code::OPERATION, a, value) {
                    instruction.jump_true
                } else {
                    instruction.jump_false
                });
            }
            other if other == code::ARITHMETIC | code::AND => a &= value,
            _ => return false,
        }
    }
    false
}
