//! How many instructions filters may have together. The kernel counts those that it has converted a program
//! into (`bpf_convert_filter` of net/core/filter.c), and some for each filter.

use crate::instruction::{code, Instruction};

/// `MAX_INSNS_PER_PATH`: most instructions of all filters of a thread.
pub const MOST_ON_A_PATH: u32 = 32768;
/// What each filter that is there already counts beside its instructions.
pub const PENALTY: u32 = 4;

/// How many instructions a program that [`crate::check`] has accepted becomes.
pub fn converted_length(program: &[Instruction]) -> u32 {
    /// Both registers are cleared, and the context is kept.
    const BEGINNING: u32 = 3;
    BEGINNING + program.iter().map(converted).sum::<u32>()
}

fn converted(instruction: &Instruction) -> u32 {
    let (code, value) = (instruction.code, instruction.value);
    if code == code::RETURN {
        return 2;
    }
    if code == code::ARITHMETIC | code::DIVIDE | code::BY_X {
        // The divisor is looked at first.
        return 5;
    }
    if code & code::CLASS != code::CONDITION || code == code::JUMP {
        return 1;
    }
    // Constants are signed there.
    let constant = u32::from(code & code::BY_X == 0 && (value as i32) < 0);
    let can_be_inverted = code & code::OPERATION != code::ANY_BIT;
    let is_one = instruction.jump_false == 0 || (instruction.jump_true == 0 && can_be_inverted);
    constant + if is_one { 1 } else { 2 }
}
