//! What a program answers.

use crate::instruction::{code, CallData, Instruction};

/// What the kernel answers for a program that divides by zero (net/core/filter.c: `bpf_convert_filter`).
const DIVIDED_BY_ZERO: u32 = 0;

/// Run a program that [`crate::check`] has accepted. Its answer: an action and, in the lower half, data.
pub fn run(program: &[Instruction], data: &CallData) -> u32 {
    let (mut a, mut x) = (0u32, 0u32);
    let mut cells = [0u32; 16];
    let mut at = 0;
    // Whatever is not a program ends like one that divides by zero.
    while let Some(instruction) = program.get(at) {
        at += 1;
        let value = instruction.value;
        let cell = value as usize % cells.len();
        match instruction.code {
            code::LOAD_WORD => a = data.word(value),
            code::LOAD_CONSTANT => a = value,
            code::LOAD_X_CONSTANT => x = value,
            code::LOAD_LENGTH => a = CallData::SIZE,
            code::LOAD_X_LENGTH => x = CallData::SIZE,
            code::LOAD_CELL => a = cells[cell],
            code::LOAD_X_CELL => x = cells[cell],
            code::STORE => cells[cell] = a,
            code::STORE_X => cells[cell] = x,
            code::RETURN => return value,
            code::RETURN_A => return a,
            code::TO_X => x = a,
            code::FROM_X => a = x,
            code::JUMP => at += value as usize,
            other => {
                let operand = if other & code::BY_X != 0 { x } else { value };
                let operation = other & code::OPERATION;
                if other & code::CLASS == code::ARITHMETIC {
                    match calculate(operation, a, operand) {
                        Some(result) => a = result,
                        None => return DIVIDED_BY_ZERO,
                    }
                } else if holds(operation, a, operand) {
                    at += usize::from(instruction.jump_true);
                } else {
                    at += usize::from(instruction.jump_false);
                }
            }
        }
    }
    DIVIDED_BY_ZERO
}

/// `None`: a division by zero.
fn calculate(operation: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operation {
        code::ADD => a.wrapping_add(operand),
        code::SUBTRACT => a.wrapping_sub(operand),
        code::MULTIPLY => a.wrapping_mul(operand),
        code::DIVIDE => a.checked_div(operand)?,
        code::OR => a | operand,
        code::AND => a & operand,
        // As the processor shifts.
        code::SHIFT_LEFT => a.wrapping_shl(operand),
        code::SHIFT_RIGHT => a.wrapping_shr(operand),
        code::NEGATE => a.wrapping_neg(),
        _ => a ^ operand,
    })
}

/// Whether the condition of a jump holds.
pub fn holds(operation: u16, a: u32, operand: u32) -> bool {
    match operation {
        code::EQUAL => a == operand,
        code::GREATER => a > operand,
        code::GREATER_EQUAL => a >= operand,
        _ => a & operand != 0,
    }
}
