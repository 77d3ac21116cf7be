//! Which programs the kernel takes: `bpf_check_classic` of net/core/filter.c, then `seccomp_check_filter` of
//! kernel/seccomp.c. It says `EINVAL` to all others.

use crate::instruction::{code, CallData, Instruction, MOST_INSTRUCTIONS};

/// Why a program is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// So many instructions: none, or too many.
    Length(usize),
    /// The instruction at this index is not one that filters have.
    Code(usize),
    /// It divides by zero, or shifts by more than a word has.
    Operand(usize),
    /// It names a memory cell that is not there, or reads one that nothing has been stored in.
    Cell(usize),
    /// It loads from outside the call's data, or half a word.
    Offset(usize),
    /// It jumps behind the end.
    Jump(usize),
    /// The last instruction does not end the program.
    End,
}

/// `BPF_MEMWORDS`
const CELLS: u32 = 16;

/// Whether the kernel takes the program.
///
/// # Errors
/// What is wrong with it; for any of them the kernel says `EINVAL`.
pub fn check(program: &[Instruction]) -> Result<(), Invalid> {
    let length = program.len();
    if length == 0 || length > MOST_INSTRUCTIONS {
        return Err(Invalid::Length(length));
    }
    for (index, instruction) in program.iter().enumerate() {
        check_one(index, instruction, length)?;
    }
    if !matches!(program[length - 1].code, code::RETURN | code::RETURN_A) {
        return Err(Invalid::End);
    }
    check_cells(program)
}

fn check_one(index: usize, instruction: &Instruction, length: usize) -> Result<(), Invalid> {
    let operand = instruction.value;
    let behind = length - index - 1;
    match instruction.code {
        code::LOAD_WORD => {
            if operand >= CallData::SIZE || !operand.is_multiple_of(4) {
                return Err(Invalid::Offset(index));
            }
        }
        code::LOAD_CELL | code::LOAD_X_CELL | code::STORE | code::STORE_X => {
            if operand >= CELLS {
                return Err(Invalid::Cell(index));
            }
        }
        code::LOAD_CONSTANT
        | code::LOAD_X_CONSTANT
        | code::LOAD_LENGTH
        | code::LOAD_X_LENGTH
        | code::RETURN
        | code::RETURN_A
        | code::TO_X
        | code::FROM_X => {}
        code::JUMP => {
            if operand as usize >= behind {
                return Err(Invalid::Jump(index));
            }
        }
        other => return check_operation(index, instruction, other, behind),
    }
    Ok(())
}

/// Arithmetic and conditional jumps.
fn check_operation(
    index: usize,
    instruction: &Instruction,
    code: u16,
    behind: usize,
) -> Result<(), Invalid> {
    let operation = code & code::OPERATION;
    let is_by_x = code & code::BY_X != 0;
    let has_other_bits = code & !(code::OPERATION | code::BY_X | code::CLASS) != 0;
    let operand = instruction.value;
    match code & code::CLASS {
        _ if has_other_bits => Err(Invalid::Code(index)),
        code::ARITHMETIC => match operation {
            code::DIVIDE if !is_by_x && operand == 0 => Err(Invalid::Operand(index)),
            code::SHIFT_LEFT | code::SHIFT_RIGHT if !is_by_x && operand >= 32 => {
                Err(Invalid::Operand(index))
            }
            code::NEGATE if is_by_x => Err(Invalid::Code(index)),
            code::ADD
            | code::SUBTRACT
            | code::MULTIPLY
            | code::DIVIDE
            | code::OR
            | code::AND
            | code::SHIFT_LEFT
            | code::SHIFT_RIGHT
            | code::NEGATE
            | code::XOR => Ok(()),
            _ => Err(Invalid::Code(index)),
        },
        code::CONDITION => match operation {
            code::EQUAL | code::GREATER | code::GREATER_EQUAL | code::ANY_BIT => {
                let furthest = instruction.jump_true.max(instruction.jump_false);
                if usize::from(furthest) >= behind {
                    return Err(Invalid::Jump(index));
                }
                Ok(())
            }
            _ => Err(Invalid::Code(index)),
        },
        _ => Err(Invalid::Code(index)),
    }
}

/// Whether every cell that is read has been stored to on all ways there (`check_load_and_stores`).
fn check_cells(program: &[Instruction]) -> Result<(), Invalid> {
    let mut on_arrival = [u16::MAX; MOST_INSTRUCTIONS];
    let mut stored = 0u16;
    for (index, instruction) in program.iter().enumerate() {
        stored &= on_arrival[index];
        let bit = || 1u16 << (instruction.value % CELLS);
        match instruction.code {
            code::STORE | code::STORE_X => stored |= bit(),
            code::LOAD_CELL | code::LOAD_X_CELL if stored & bit() == 0 => {
                return Err(Invalid::Cell(index));
            }
            code::JUMP => {
                on_arrival[index + 1 + instruction.value as usize] &= stored;
                stored = u16::MAX;
            }
            other if other & code::CLASS == code::CONDITION => {
                on_arrival[index + 1 + usize::from(instruction.jump_true)] &= stored;
                on_arrival[index + 1 + usize::from(instruction.jump_false)] &= stored;
                stored = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}
