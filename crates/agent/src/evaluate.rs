//! Carries out an expression.

use crate::opcode::Opcode;
use crate::stack::Stack;
use crate::{Problem, Program};

/// Instructions that one evaluation may take.
pub const MOST_STEPS: u32 = 10_000;

/// The value that is on top of the stack at the end; 0 when there is none.
pub fn evaluate(code: &[u8], program: &mut impl Program) -> Result<u64, Problem> {
    let mut stack = Stack::new();
    let mut at = 0;
    for _ in 0..MOST_STEPS {
        let number = *code.get(at).ok_or(Problem::Cut)?;
        let opcode = Opcode::from_u8(number).ok_or(Problem::Unknown(number))?;
        let behind = at + 1 + opcode.operand_size();
        let bytes = code.get(at + 1..behind).ok_or(Problem::Cut)?;
        // Operands have their highest byte first.
        let operand = bytes
            .iter()
            .fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        at = behind;
        match opcode {
            Opcode::End => return Ok(stack.pop().unwrap_or(0)),
            Opcode::Goto => at = target(code, operand)?,
            Opcode::IfGoto => {
                if stack.pop()? != 0 {
                    at = target(code, operand)?;
                }
            }
            opcode => step(opcode, operand, &mut stack, program)?,
        }
    }
    Err(Problem::Endless)
}

fn target(code: &[u8], operand: u64) -> Result<usize, Problem> {
    let place = operand as usize;
    if place < code.len() {
        Ok(place)
    } else {
        Err(Problem::BadJump(operand as u16))
    }
}

/// An instruction that only computes.
fn step(
    opcode: Opcode,
    operand: u64,
    stack: &mut Stack,
    program: &mut impl Program,
) -> Result<(), Problem> {
    use Opcode::*;
    match opcode {
        Const8 | Const16 | Const32 | Const64 => stack.push(operand),
        Reg => {
            let number = operand as u16;
            let value = program.register(number);
            stack.push(value.ok_or(Problem::BadRegister(number))?)
        }
        Ref8 => refer(stack, program, 1),
        Ref16 => refer(stack, program, 2),
        Ref32 => refer(stack, program, 4),
        Ref64 => refer(stack, program, 8),
        Ext | ZeroExt => {
            let value = stack.pop()?;
            stack.push(extended(value, operand as u8, opcode == Ext)?)
        }
        LogNot => {
            let value = stack.pop()?;
            stack.push(u64::from(value == 0))
        }
        BitNot => {
            let value = stack.pop()?;
            stack.push(!value)
        }
        Dup => stack.push(stack.pick(0)?),
        Pick => stack.push(stack.pick(operand as usize)?),
        Pop => stack.pop().map(|_| ()),
        Swap => {
            let (top, below) = (stack.pop()?, stack.pop()?);
            stack.push(top)?;
            stack.push(below)
        }
        Rot => {
            // The third value from the top becomes the top one's neighbour, as gdb's own evaluation has it.
            let (a, b, c) = (stack.pop()?, stack.pop()?, stack.pop()?);
            stack.push(a)?;
            stack.push(c)?;
            stack.push(b)
        }
        Trace => {
            let (length, address) = (stack.pop()?, stack.pop()?);
            collect(program, address, length)
        }
        TraceQuick | Trace16 => collect(program, stack.pick(0)?, operand),
        Tracenz => {
            let (length, address) = (stack.pop()?, stack.pop()?);
            collect_text(program, address, length)
        }
        Float | RefFloat | RefDouble | RefLongDouble | LToD | DToL | Getv | Setv | Tracev
        | Printf => Err(Problem::Unsupported(opcode)),
        _ => {
            let (right, left) = (stack.pop()?, stack.pop()?);
            stack.push(binary(opcode, left, right)?)
        }
    }
}

fn binary(opcode: Opcode, left: u64, right: u64) -> Result<u64, Problem> {
    let (signed, other) = (left as i64, right as i64);
    let by_zero = Err(Problem::DivisionByZero);
    Ok(match opcode {
        Opcode::Add => left.wrapping_add(right),
        Opcode::Sub => left.wrapping_sub(right),
        Opcode::Mul => left.wrapping_mul(right),
        Opcode::DivSigned | Opcode::DivUnsigned | Opcode::RemSigned | Opcode::RemUnsigned
            if right == 0 =>
        {
            return by_zero
        }
        Opcode::DivSigned => signed.wrapping_div(other) as u64,
        Opcode::DivUnsigned => left / right,
        Opcode::RemSigned => signed.wrapping_rem(other) as u64,
        Opcode::RemUnsigned => left % right,
        // A shift by more bits than there are leaves none of them.
        Opcode::Lsh => left.checked_shl(shift(right)).unwrap_or(0),
        Opcode::RshUnsigned => left.checked_shr(shift(right)).unwrap_or(0),
        Opcode::RshSigned => (signed >> shift(right).min(63)) as u64,
        Opcode::BitAnd => left & right,
        Opcode::BitOr => left | right,
        Opcode::BitXor => left ^ right,
        Opcode::Equal => u64::from(left == right),
        Opcode::LessSigned => u64::from(signed < other),
        Opcode::LessUnsigned => u64::from(left < right),
        opcode => return Err(Problem::Unsupported(opcode)),
    })
}

fn shift(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

fn extended(value: u64, bits: u8, is_signed: bool) -> Result<u64, Problem> {
    if bits == 0 || bits > 64 {
        return Err(Problem::BadWidth(bits));
    }
    let unused = 64 - u32::from(bits);
    Ok(if is_signed {
        ((value << unused) as i64 >> unused) as u64
    } else {
        value << unused >> unused
    })
}

fn refer(stack: &mut Stack, program: &impl Program, size: usize) -> Result<(), Problem> {
    let address = stack.pop()?;
    let mut word = [0; 8];
    if !program.read(address, &mut word[..size]) {
        return Err(Problem::BadMemory(address));
    }
    stack.push(u64::from_le_bytes(word))
}

fn collect(program: &mut impl Program, address: u64, length: u64) -> Result<(), Problem> {
    if program.collect(address, length) {
        Ok(())
    } else {
        Err(Problem::BadMemory(address))
    }
}

/// Up to the zero that ends a text, which is kept, too.
fn collect_text(program: &mut impl Program, address: u64, most: u64) -> Result<(), Problem> {
    const MOST: u64 = 1 << 16;
    let most = most.min(MOST);
    let mut length = 0;
    while length < most {
        let mut byte = [0];
        if !program.read(address.wrapping_add(length), &mut byte) {
            break;
        }
        length += 1;
        if byte == [0] {
            break;
        }
    }
    collect(program, address, length)
}
