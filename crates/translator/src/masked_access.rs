//! Which elements an instruction touches that stores or loads only some of them: those whose bit is set in an opmask register
//! (Intel SDM volume 1, 15.6.1), or whose element in a vector register of the mask is negative (VMASKMOV, VPMASKMOV,
//! MASKMOVDQU). Functions of the C library for short strings are made of these.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use crate::context::Context;
use crate::state_extent::StateExtent;

/// State components (Intel SDM volume 1, 13.1).
const AVX: usize = 2;
const OPMASK: usize = 5;
/// Offsets in the XSAVE area: of register 0 of each kind in its legacy part, and of the bits of components in use.
const MMX_AT: usize = 32;
const XMM_AT: usize = 160;
const IN_USE_AT: usize = 512;

/// How the elements are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask {
    kind: Kind,
    /// Number of the register.
    register: u8,
    /// Bytes of an element.
    element: u8,
    /// How many there are.
    elements: u8,
    /// Those chosen lie side by side in memory (VPCOMPRESS, VPEXPAND).
    is_packed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Opmask,
    Vector,
    Mmx,
}

impl Mask {
    /// The mask of an instruction with one operand in memory; `None`: it touches all of the operand, or of one element
    /// what nobody can tell.
    pub fn of(i: &Instruction) -> Option<Mask> {
        use Mnemonic::*;
        let by_sign = match i.mnemonic() {
            Vmaskmovps | Vpmaskmovd => Some((Kind::Vector, i.op1_register(), 4)),
            Vmaskmovpd | Vpmaskmovq => Some((Kind::Vector, i.op1_register(), 8)),
            Maskmovdqu | Vmaskmovdqu => Some((Kind::Vector, i.op2_register(), 1)),
            Maskmovq => Some((Kind::Mmx, i.op2_register(), 1)),
            _ => None,
        };
        if let Some((kind, register, element)) = by_sign {
            return Some(Mask {
                kind,
                register: register.number() as u8,
                element,
                elements: (i.memory_size().size() / usize::from(element)) as u8,
                is_packed: false,
            });
        }
        let is_plain = !i.is_vsib() && !i.is_broadcast();
        let has_memory = (0..i.op_count()).any(|operand| i.op_kind(operand) == OpKind::Memory);
        if i.op_mask() == Register::None || !is_plain || !has_memory {
            return None;
        }
        let memory = i.memory_size();
        Some(Mask {
            kind: Kind::Opmask,
            register: i.op_mask().number() as u8,
            element: memory.element_size() as u8,
            elements: memory.element_count() as u8,
            is_packed: matches!(
                i.mnemonic(),
                Vpcompressb
                    | Vpcompressw
                    | Vpcompressd
                    | Vpcompressq
                    | Vcompressps
                    | Vcompresspd
                    | Vpexpandb
                    | Vpexpandw
                    | Vpexpandd
                    | Vpexpandq
                    | Vexpandps
                    | Vexpandpd
            ),
        })
    }

    /// What `touched` finds first in the ranges of the chosen elements of an operand at an address.
    pub fn find(
        &self,
        context: &Context,
        extent: &StateExtent,
        address: u64,
        touched: impl Fn(u64, u64) -> Option<u64>,
    ) -> Option<u64> {
        let element = u64::from(self.element);
        let mut chosen = self.chosen(context, extent);
        if self.is_packed {
            let length = u64::from(chosen.count_ones()) * element;
            return touched(address, address.saturating_add(length));
        }
        while chosen != 0 {
            let start = address.wrapping_add(u64::from(chosen.trailing_zeros()) * element);
            if let Some(byte) = touched(start, start.saturating_add(element)) {
                return Some(byte);
            }
            chosen &= chosen - 1;
        }
        None
    }

    /// A bit for each element that is chosen.
    fn chosen(&self, context: &Context, extent: &StateExtent) -> u64 {
        let register = usize::from(self.register);
        let all = u64::MAX >> (64 - u32::from(self.elements.clamp(1, 64)));
        let signs = |bytes: &[u8]| {
            let element = usize::from(self.element);
            let ends = bytes.iter().skip(element - 1).step_by(element);
            ends.enumerate().fold(0, |signs, (index, byte)| {
                signs | u64::from(byte >> 7) << index
            })
        };
        let area = &context.xsave.0;
        let component = |number: usize, at: usize, length: usize| {
            let is_used = area[IN_USE_AT] >> number & 1 != 0;
            let at = extent.offset(number) + at;
            area.get(at..at + length).filter(|_| is_used)
        };
        let bits = match self.kind {
            Kind::Opmask => component(OPMASK, 8 * register, 8)
                .and_then(|bytes| bytes.first_chunk())
                .map_or(0, |bytes| u64::from_le_bytes(*bytes)),
            Kind::Mmx => signs(&area[MMX_AT + 16 * register..][..8]),
            Kind::Vector => {
                let low = if context.vector_mode == 0 {
                    context.xmm[register]
                } else {
                    let mut low = [0; 16];
                    low.copy_from_slice(&area[XMM_AT + 16 * register..][..16]);
                    low
                };
                let high = component(AVX, 16 * register, 16);
                let high = high.map_or(0, signs) << (16 / self.element);
                signs(&low) | high
            }
        };
        bits & all
    }
}
