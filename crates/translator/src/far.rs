//! Returns that load a segment register: `iret` and the far `ret`. To the segments that 64-bit code runs in
//! they are jumps that set more registers than usual (Wine sets all of them so); every other segment would be
//! another kind of code.
//!
//! Translated code only loads what they pop, so that a bad stack faults as it does natively; the rest is done
//! here.

use crate::build::{Build, Next};
use crate::context::field;
use crate::engine::Engine;
use crate::far_return::FarReturn;
use crate::stop::Unsupported;
use crate::store::ExitKind;
use crate::translator::Translator;
use iced_x86::Instruction;

/// Selectors of 64-bit user code and its stack (Linux, arch/x86/include/asm/segment.h).
const USER_CS: u64 = 0x33;
const USER_SS: u64 = 0x2b;

/// Flags that `iret` loads in user code (AMD APM volume 3): CF PF AF ZF SF TF DF OF, and NT, AC and ID.
const LOADED_FLAGS: u64 = 0xdd5 | 0x4000 | 0x4_0000 | 0x20_0000;

/// The first address that is not canonical in the user's half.
const USER_END: u64 = 1 << 47;

impl Engine {
    pub(crate) fn far_return(&mut self, b: &mut Build, i: &Instruction, pc: u64) -> Next {
        const SCRATCH: u8 = 11;
        let Some(what) = FarReturn::of(i) else {
            let kind = ExitKind::Unsupported("return with 16-bit operand size", i.len() as u8);
            return self.end_with(b, pc, kind);
        };
        b.need_flags();
        b.e.store(field!(spill_a), SCRATCH);
        for word in 0..what.words() {
            // mov r11, [rsp + displacement], or r11d
            let rex = if what.size == 8 { 0x4c } else { 0x44 };
            let displacement = word as u8 * what.size;
            b.e.bytes(&[rex, 0x8b, 0x5c, 0x24, displacement]);
            b.e.store(field!(popped) + 8 * word as u32, SCRATCH);
        }
        b.e.load(field!(spill_a), SCRATCH);
        self.note(b, i.len(), Some(SCRATCH), None);
        self.end_with(b, pc, ExitKind::FarReturn(what))
    }
}

impl Translator {
    /// Go where the words that have been loaded say. `Err`: it would fault, or go to another kind of code;
    /// the instruction has not been executed, but counted.
    pub(crate) fn take_far_return(&mut self, what: FarReturn) -> Result<(), Unsupported> {
        let state = self.state();
        let [ip, cs, flags, sp, ss] = state.popped;
        let refused = |name| {
            Err(Unsupported {
                name,
                length: what.length,
            })
        };
        if cs & 0xffff != USER_CS || what.is_interrupt && ss & 0xffff != USER_SS {
            return refused("return to another segment");
        }
        if ip >= USER_END {
            return refused("return to an address that is not the user's");
        }
        let registers = &mut state.registers;
        if what.is_interrupt {
            registers.rflags = registers.rflags & !LOADED_FLAGS | flags & LOADED_FLAGS;
            registers.rsp = sp;
        } else {
            let popped = 2 * u64::from(what.size) + u64::from(what.more);
            registers.rsp = registers.rsp.wrapping_add(popped);
        }
        registers.rip = ip;
        Ok(())
    }
}
