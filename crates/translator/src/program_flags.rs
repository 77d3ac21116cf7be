//! Flags that reach our code: the trap flag, which makes the processor trap behind each instruction (Intel SDM volume 3,
//! 19.3.1.4), and the alignment check.
//!
//! The trap flag is never set in the processor while translated code runs; while it is set in the context, each run executes
//! one instruction. With the alignment check there are only blocks without accounting, which access nothing that is not
//! aligned. A `popf` that would set one of them leaves, as `iret` does anyway.

use crate::build::{Build, Next};
use crate::context::field;
use crate::engine::Engine;
use crate::guest::{guest_range, GuestCode, NO_CODE};
use crate::store::ExitKind;
use crate::translator::Translator;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;

/// The flags that `popf` loads in user code: CF PF AF ZF SF TF DF OF NT, and of the upper half AC and ID.
const POPPED: u64 = 0x4dd5 | 0x24_0000;
const ZERO_FLAG: u64 = 0x40;
/// AC.
pub(crate) const ALIGNMENT_CHECK: u64 = 0x4_0000;
const LONGEST: usize = 15;

/// What a step has to take care of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    /// It stores the flags, this one among them.
    PushesFlags,
    /// It loads the flags.
    LoadsFlags,
    /// A repeated string instruction: it is trapped behind each of its rounds.
    Repeats {
        /// It counts in ecx.
        is_short: bool,
        /// Another round follows only while the zero flag is so.
        zero_flag: Option<bool>,
    },
}

/// An instruction that is executed with the trap flag set.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    kind: Kind,
    before: Registers,
}

impl Engine {
    /// `popf`: it leaves if it would set one of these flags.
    pub(crate) fn pop_flags(&mut self, b: &mut Build, i: &Instruction, bytes: &[u8]) -> Next {
        b.need_flags();
        // Both of them pop whatever flags the test leaves.
        let size: u8 = if i.code() == Code::Popfw {
            // test word [rsp], 0x100
            b.e.bytes(&[0x66, 0xf7, 0x44, 0x24, 0, 0, 1]);
            2
        } else {
            // test qword [rsp], 0x40100
            b.e.bytes(&[0x48, 0xf7, 0x44, 0x24, 0, 0, 1, 4, 0]);
            8
        };
        // jz over the way out
        b.e.bytes(&[0x74, 0]);
        let from = b.e.address();
        b.e.store_constant(field!(exit), 0);
        let number_at = b.e.address() - 4;
        b.e.jump(self.leave);
        let distance = (b.e.address() - from) as u8;
        // SAFETY: the displacement written above.
        unsafe { ((from - 1) as *mut u8).write(distance) };
        self.pending.push(crate::build::Pending {
            executed: b.count + 1,
            target: i.ip(),
            field: 0,
            kind: ExitKind::PopFlags(size, i.len() as u8),
            number_at,
            charge_only: false,
        });
        b.e.bytes(bytes);
        self.note(b, i.len(), None, None);
        Next::Straight
    }
}

impl Translator {
    /// Do what a `popf` of this size does. It has been counted.
    pub(crate) fn take_flags(&mut self, size: u8, length: u8) {
        let registers = &mut self.state().registers;
        let at = registers.rsp as usize;
        // SAFETY: translated code has just read as much from there.
        let (value, mask) = unsafe {
            match size {
                2 => (
                    u64::from((at as *const u16).read_unaligned()),
                    POPPED & 0xffff,
                ),
                _ => ((at as *const u64).read_unaligned(), POPPED),
            }
        };
        registers.rflags = registers.rflags & !mask | value & mask;
        registers.rsp = registers.rsp.wrapping_add(u64::from(size));
        registers.rip = registers.rip.wrapping_add(u64::from(length));
    }

    /// The next instruction is executed with the trap flag set: take it out of the flags.
    pub(crate) fn begin_step<G: GuestCode>(&mut self, guest: &mut G) -> Step {
        let before = *self.registers();
        let kind = self.kind_at(guest, before.rip);
        let registers = &mut self.state().registers;
        registers.rflags &= !TRAP_FLAG;
        if let Kind::Repeats { is_short, .. } = kind {
            if count(&before, is_short) > 1 {
                // The processor decides what becomes of the half that it does not count in.
                registers.rcx = 1 | before.rcx & uncounted(is_short);
            }
        }
        Step { kind, before }
    }

    fn kind_at<G: GuestCode>(&mut self, guest: &mut G, ip: u64) -> Kind {
        let Ok(range) = guest_range(guest, &mut self.engine.range, ip) else {
            return Kind::Other;
        };
        let length = (range.end - ip).min(LONGEST as u64) as usize;
        let mut copy = NO_CODE;
        let bytes = guest.code(ip, length, &mut copy);
        let mut decoder = Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE);
        kind_of(&decoder.decode())
    }

    /// The instruction has been executed, or has not: make the state what it is with the trap flag.
    pub(crate) fn end_step(&mut self, step: &Step, is_executed: bool) {
        let Step { kind, before } = step;
        let registers = &mut self.state().registers;
        if !is_executed || *kind != Kind::LoadsFlags {
            registers.rflags |= TRAP_FLAG;
        }
        match *kind {
            Kind::PushesFlags if is_executed => {
                let place = (registers.rsp as usize + 1) as *mut u8;
                // SAFETY: the guest has just written the word.
                unsafe { place.write(place.read() | (TRAP_FLAG >> 8) as u8) };
            }
            Kind::Repeats { is_short, .. } if !is_executed => {
                let half = uncounted(is_short);
                registers.rcx = registers.rcx & half | before.rcx & !half;
            }
            Kind::Repeats {
                is_short,
                zero_flag,
            } => {
                let rounds = count(before, is_short);
                if rounds <= 1 {
                    return;
                }
                registers.rcx = rounds - 1;
                let is_set = registers.rflags & ZERO_FLAG != 0;
                if zero_flag.is_none_or(|wanted| wanted == is_set) {
                    registers.rip = before.rip;
                }
            }
            _ => {}
        }
    }
}

/// The bits of rcx that do not count rounds. A fault in the first round clears them on some processors.
const fn uncounted(is_short: bool) -> u64 {
    if is_short {
        !0xffff_ffff
    } else {
        0
    }
}

/// Rounds that a repeated string instruction has before it.
fn count(registers: &Registers, is_short: bool) -> u64 {
    if is_short {
        registers.rcx & 0xffff_ffff
    } else {
        registers.rcx
    }
}

fn kind_of(i: &Instruction) -> Kind {
    use Mnemonic::*;
    match i.mnemonic() {
        Pushf | Pushfq => Kind::PushesFlags,
        Popf | Popfq | Iret | Iretd | Iretq => Kind::LoadsFlags,
        mnemonic if i.is_string_instruction() && (i.has_rep_prefix() || i.has_repne_prefix()) => {
            let compares = matches!(
                mnemonic,
                Cmpsb | Cmpsw | Cmpsd | Cmpsq | Scasb | Scasw | Scasd | Scasq
            );
            let is_short = (0..i.op_count()).any(|index| {
                matches!(
                    i.op_kind(index),
                    OpKind::MemoryESEDI | OpKind::MemorySegESI | OpKind::MemorySegEDI
                )
            });
            Kind::Repeats {
                is_short,
                zero_flag: compares.then(|| !i.has_repne_prefix()),
            }
        }
        _ => Kind::Other,
    }
}
