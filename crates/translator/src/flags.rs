//! Whether the status flags matter where a block is entered: accounting may overwrite dead ones.

use crate::build::{Build, Mode};
use crate::classify::{is_shift, CodeInfo, STATUS_FLAGS};
use crate::engine::Engine;
use crate::guest::{guest_range, GuestCode, NO_CODE};
use crate::store::{Block, Place, LIVE};
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// Status flags count as dead on entry only if overwritten within this many instructions.
pub(crate) const DEAD_WINDOW: u8 = 32;
/// How many instructions behind the end of a block are looked at for the fate of the flags.
const LOOK_AHEAD: u8 = 12;

impl Build {
    /// The flags must be right at this point.
    pub(crate) fn need_flags(&mut self) {
        if self.undecided != 0 {
            self.killed_at = LIVE;
            self.undecided = 0;
        }
    }

    pub(crate) fn track_flags(&mut self, read: u8, killed: u8) {
        if self.undecided == 0 {
            return;
        }
        if read & self.undecided != 0 || self.count >= DEAD_WINDOW {
            return self.need_flags();
        }
        self.undecided &= !killed;
        if self.undecided == 0 {
            self.killed_at = self.count;
        }
    }
}

impl Engine {
    pub(crate) fn kills(&self, i: &Instruction, info: CodeInfo) -> u8 {
        if info.killed == 0 {
            self.shift_kills(i)
        } else {
            info.killed
        }
    }

    /// Flags overwritten by a shift or rotate by an immediate that is not zero.
    pub(crate) fn shift_kills(&self, i: &Instruction) -> u8 {
        const CF: u8 = 0x10;
        const SF_ZF_CF_PF: u8 = 0x02 | 0x04 | CF | 0x20;
        let mnemonic = i.mnemonic();
        if !is_shift(mnemonic)
            || i.op_count() < 2
            || i.op_register(i.op_count() - 1) == Register::CL
        {
            return 0;
        }
        let last = i.op_count() - 1;
        if i.op_kind(last) != OpKind::Immediate8 || i.immediate8() & 0x1f == 0 {
            return 0;
        }
        match mnemonic {
            Mnemonic::Rol | Mnemonic::Ror => CF,
            Mnemonic::Rcl | Mnemonic::Rcr => 0,
            _ if i.op0_kind() == OpKind::Register && i.op0_register().size() < 4 => 0,
            _ => SF_ZF_CF_PF,
        }
    }

    /// Whether the flags may be wrong at a fault of an instruction at this place of a block: the code before it in
    /// the block does not overwrite all of them, so the block's own accounting may show, or that of a block
    /// before which has looked ahead.
    pub(crate) fn shows_dead_flags<G: GuestCode>(
        &mut self,
        guest: &G,
        block: &Block,
        place: &Place,
    ) -> bool {
        let overwritten = block.killed_at != LIVE && place.index <= block.killed_at;
        if overwritten {
            return true;
        }
        let mut undecided = STATUS_FLAGS;
        let before = self.store.guest_addresses(block);
        let mut instruction = Instruction::default();
        let mut copy = NO_CODE;
        for (at, length) in before.into_iter().take(usize::from(place.index)) {
            // An instruction that has just been executed.
            let bytes = guest.code(at, length, &mut copy);
            let mut decoder = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE);
            decoder.decode_out(&mut instruction);
            let info = self.classifier.get(&instruction);
            undecided &= !self.kills(&instruction, info);
        }
        undecided != 0
    }

    /// `killed_at` of a block that ends undecided and goes to `target`: looks a few
    /// instructions ahead. The block is put on the list of the page looked at, so that it is
    /// dropped with that page's code.
    pub(crate) fn killed_beyond<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        target: u64,
    ) -> u8 {
        if b.mode != Mode::Normal || self.may_stop_at(target) {
            return LIVE;
        }
        // Within one range and page, so that nothing has to be asked or joined.
        let end = (target | 0xfff) + 1;
        let Ok(range) = guest_range(guest, &mut self.range, target) else {
            return LIVE;
        };
        let length = range.end.min(end) - target;
        let mut copy = NO_CODE;
        let bytes = guest.code(target, length as usize, &mut copy);
        let mut decoder = Decoder::with_ip(64, bytes, target, DecoderOptions::NONE);
        let mut undecided = b.undecided;
        let mut instruction = Instruction::default();
        for ahead in 0..LOOK_AHEAD {
            // Where execution may stop, the flags are looked at.
            let stops = self.may_stop_at(decoder.ip());
            if stops || !decoder.can_decode() {
                return LIVE;
            }
            decoder.decode_out(&mut instruction);
            if self.may_stop_at(instruction.ip()) {
                return LIVE;
            }
            let info = self.classifier.get(&instruction);
            // A check of watched memory would show the flags.
            let is_checked = b.checks_accesses && !is_plain(&instruction);
            if info.read & undecided != 0 || !info.class.goes_on() || is_checked {
                return LIVE;
            }
            undecided &= !self.kills(&instruction, info);
            let distance = b.count + ahead;
            if undecided == 0 && distance < DEAD_WINDOW {
                self.add_page(guest, b.number, target >> 12);
                return distance;
            }
        }
        LIVE
    }
}

/// Whether an instruction is common and computes in registers only.
fn is_plain(i: &Instruction) -> bool {
    use Mnemonic::*;
    let computes = matches!(
        i.mnemonic(),
        Mov | Movzx
            | Movsx
            | Movsxd
            | Add
            | Sub
            | And
            | Or
            | Xor
            | Cmp
            | Test
            | Inc
            | Dec
            | Neg
            | Not
            | Imul
            | Shl
            | Shr
            | Sar
    );
    match i.mnemonic() {
        Lea | Nop | Endbr64 => true,
        _ => computes && (0..i.op_count()).all(|index| is_number(i, index)),
    }
}

/// Whether an operand is a general register or an immediate.
fn is_number(i: &Instruction, index: u32) -> bool {
    match i.op_kind(index) {
        OpKind::Register => i.op_register(index).is_gpr(),
        kind => kind != OpKind::Memory,
    }
}
