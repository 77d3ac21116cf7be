//! Where control goes after one instruction.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// What may be executed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The instruction that follows.
    Following,
    /// The one that follows, or this one.
    Either(u64),
    /// This one.
    Jump(u64),
    /// This one, and the one that follows if the callee returns.
    Call(u64),
    /// As `Call`, by a pointer.
    CallPointer,
    /// As `Call`, in the kernel.
    SystemCall,
    /// What a pointer says.
    JumpPointer,
    /// Nothing in this function.
    Nothing,
}

/// Where control goes after `instruction`.
pub fn next(instruction: &Instruction) -> Next {
    let is_direct = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::NearBranch64;
    let target = instruction.near_branch_target();
    match instruction.mnemonic() {
        Mnemonic::Jmp if is_direct => Next::Jump(target),
        Mnemonic::Jmp => Next::JumpPointer,
        Mnemonic::Call if is_direct => Next::Call(target),
        Mnemonic::Call => Next::CallPointer,
        Mnemonic::Syscall | Mnemonic::Int => Next::SystemCall,
        Mnemonic::Ret
        | Mnemonic::Retf
        | Mnemonic::Iret
        | Mnemonic::Iretd
        | Mnemonic::Iretq
        | Mnemonic::Ud0
        | Mnemonic::Ud1
        | Mnemonic::Ud2
        | Mnemonic::Hlt
        | Mnemonic::Int3 => Next::Nothing,
        // Conditional jumps, the loop instructions, jrcxz and xbegin.
        _ if is_direct => Next::Either(target),
        _ => Next::Following,
    }
}

/// The number in eax after `instructions` (in order of execution), if they say.
pub fn number_in_eax(instructions: &[Instruction]) -> Option<u64> {
    let is_eax = |register: Register| matches!(register, Register::EAX | Register::RAX);
    let mut later = instructions.iter().rev();
    while let Some(instruction) = later.next() {
        if instruction.op_count() == 0 || instruction.op0_kind() != OpKind::Register {
            continue;
        }
        if !is_eax(instruction.op0_register()) {
            continue;
        }
        let immediate = |operand| instruction.try_immediate(operand).ok();
        return match instruction.mnemonic() {
            Mnemonic::Mov => immediate(1),
            Mnemonic::Xor if is_eax(instruction.op1_register()) => Some(0),
            Mnemonic::Pop => {
                let pushed = later.next()?;
                (pushed.mnemonic() == Mnemonic::Push)
                    .then(|| pushed.try_immediate(0).ok())
                    .flatten()
            }
            Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push => continue,
            _ => None,
        };
    }
    None
}
