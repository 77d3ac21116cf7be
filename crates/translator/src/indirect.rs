//! Where an indirect branch that has not been executed leads to.
//!
//! A branch to an address that is not canonical faults at the branch itself, before it has changed anything (Intel SDM
//! volume 2, CALL, JMP, RET). Translated code finds only at the target that there is nothing.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use reenact_trace::Registers;

use crate::touched::{general, LONGEST};

/// Bits of an address that are copies of the one below them, on processors with four levels of page tables.
const UNUSED_BITS: u32 = 16;

/// Whether the code at `ip` is a branch whose target is in memory or in a register. `read` fills the buffer with
/// memory at an address, or says that it cannot.
pub fn is_indirect_branch(ip: u64, read: impl Fn(u64, &mut [u8]) -> bool) -> bool {
    decoded(ip, &read).is_some_and(|found| is_branch(&found))
}

/// Whether the next instruction is such a branch, and leads to an address that no code can have.
pub fn leads_nowhere(registers: &Registers, read: impl Fn(u64, &mut [u8]) -> bool) -> bool {
    target(registers, &read).is_some_and(|target| !is_canonical(target))
}

fn target(registers: &Registers, read: &impl Fn(u64, &mut [u8]) -> bool) -> Option<u64> {
    let found = decoded(registers.rip, read).filter(is_branch)?;
    let word = |address: u64| {
        let mut bytes = [0; 8];
        read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    };
    if found.op_count() == 0 || found.op0_kind() == OpKind::Immediate16 {
        return word(registers.rsp);
    }
    match found.op0_kind() {
        OpKind::Register => general(*registers, found.op0_register()),
        OpKind::Memory => {
            let address = found.virtual_address(0, 0, |register, _, _| {
                Some(match register {
                    Register::FS => registers.fs_base,
                    Register::GS => registers.gs_base,
                    Register::CS | Register::DS | Register::ES | Register::SS => 0,
                    register => general(*registers, register)?,
                })
            })?;
            word(address)
        }
        _ => None,
    }
}

fn is_branch(instruction: &Instruction) -> bool {
    matches!(
        instruction.code(),
        Code::Retnq | Code::Retnq_imm16 | Code::Jmp_rm64 | Code::Call_rm64
    )
}

fn decoded(ip: u64, read: &impl Fn(u64, &mut [u8]) -> bool) -> Option<Instruction> {
    let mut bytes = [0; LONGEST];
    let length = (1..=LONGEST)
        .rev()
        .find(|&length| read(ip, &mut bytes[..length]))?;
    Some(Decoder::with_ip(64, &bytes[..length], ip, DecoderOptions::NONE).decode())
}

fn is_canonical(address: u64) -> bool {
    ((address << UNUSED_BITS) as i64 >> UNUSED_BITS) as u64 == address
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const CODE: u64 = 0x1000;
    const STACK: u64 = 0x2000;
    const NOWHERE: u64 = 0x4141_4141_4141_4141;

    /// Code at `CODE`, the word at `STACK` and the one behind it.
    fn leads_nowhere_in(code: &[u8], words: [u64; 2], registers: &Registers) -> bool {
        leads_nowhere(registers, |address, into| {
            let stack: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            for (start, known) in [(CODE, code), (STACK, &stack[..])] {
                let at = address.wrapping_sub(start) as usize;
                if let Some(found) = known.get(at..at.wrapping_add(into.len())) {
                    into.copy_from_slice(found);
                    return true;
                }
            }
            false
        })
    }

    fn registers() -> Registers {
        Registers {
            rip: CODE,
            rsp: STACK,
            rbx: NOWHERE,
            ..Registers::default()
        }
    }

    #[test]
    fn returns_jumps_and_calls() {
        let good = [CODE, CODE];
        let at_stack = [NOWHERE, CODE];
        for code in [&[0xc3][..], &[0xc2, 8, 0], &[0xf3, 0xc3]] {
            assert!(leads_nowhere_in(code, at_stack, &registers()));
            assert!(!leads_nowhere_in(code, good, &registers()));
        }
        for code in [&[0xff, 0xd3][..], &[0xff, 0xe3]] {
            assert!(leads_nowhere_in(code, good, &registers()));
        }
        // call *8(%rsp), jmp *(%rsp)
        assert!(leads_nowhere_in(
            &[0xff, 0x54, 0x24, 8],
            [CODE, NOWHERE],
            &registers()
        ));
        assert!(!leads_nowhere_in(
            &[0xff, 0x24, 0x24],
            [CODE, NOWHERE],
            &registers()
        ));
    }

    #[test]
    fn other_instructions() {
        // push %rbx; mov (%rbx), %eax; jmp forward; call forward
        for code in [&[0x53][..], &[0x8b, 3], &[0xeb, 2], &[0xe8, 0, 0, 0, 0]] {
            assert!(!leads_nowhere_in(code, [NOWHERE; 2], &registers()));
        }
    }
}
