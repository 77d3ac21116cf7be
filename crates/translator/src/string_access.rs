//! What repeated string instructions access: as many elements as rcx says, in the direction the flags say, and
//! where they compare, no further than to the element that ends them.

use iced_x86::{Instruction, Mnemonic, Register};

use crate::guest::GuestCode;

/// Elements are compared in pieces of so many bytes.
const PIECE: usize = 256;
const DIRECTION: u64 = 1 << 10;

/// How a string instruction repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The count is ecx, not rcx.
    is_short: bool,
    comparison: Option<Comparison>,
}

/// What may end a repetition early: CMPS and SCAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Comparison {
    /// It goes on while elements are equal; otherwise while they are not.
    while_equal: bool,
    /// With memory at rsi; otherwise with rax.
    with: Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Accumulator,
    Source(Segment),
}

/// Where addresses of the source begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Flat,
    Fs,
    Gs,
}

impl Repeated {
    /// What is repeated; `None`: nothing.
    pub fn of(i: &Instruction) -> Option<Repeated> {
        use Mnemonic::*;
        if !i.is_string_instruction() || !(i.has_rep_prefix() || i.has_repne_prefix()) {
            return None;
        }
        let with = match i.mnemonic() {
            Cmpsb | Cmpsw | Cmpsd | Cmpsq => Some(Other::Source(match i.memory_segment() {
                Register::FS => Segment::Fs,
                Register::GS => Segment::Gs,
                _ => Segment::Flat,
            })),
            Scasb | Scasw | Scasd | Scasq => Some(Other::Accumulator),
            _ => None,
        };
        // One of the operands is at rsi or rdi, or at esi or edi.
        let is_short = (0..i.op_count()).any(|operand| {
            use iced_x86::OpKind::*;
            matches!(
                i.op_kind(operand),
                MemorySegESI | MemorySegEDI | MemoryESEDI
            )
        });
        Some(Repeated {
            is_short,
            comparison: with.map(|with| Comparison {
                while_equal: !i.has_repne_prefix(),
                with,
            }),
        })
    }

    /// The bytes that are accessed at most, as start and end, when the first element is at `address`;
    /// `None`: none at all.
    pub fn range(
        &self,
        registers: &reenact_trace::Registers,
        address: u64,
        size: u64,
    ) -> Option<(u64, u64)> {
        let length = self.count(registers).saturating_mul(size);
        if length == 0 {
            return None;
        }
        let end = address.saturating_add(size);
        Some(if registers.rflags & DIRECTION == 0 {
            (address, address.saturating_add(length))
        } else {
            (end.saturating_sub(length), end)
        })
    }

    /// Whether it comes as far as the element that holds one of the bytes from `start` to `end` (exclusive) first.
    pub fn reaches<G: GuestCode>(
        &self,
        guest: &G,
        registers: &reenact_trace::Registers,
        address: u64,
        size: u64,
        (start, end): (u64, u64),
    ) -> bool {
        let Some(comparison) = &self.comparison else {
            return true;
        };
        let is_backward = registers.rflags & DIRECTION != 0;
        let distance = if is_backward {
            (address + size - 1).saturating_sub(end - 1)
        } else {
            start.saturating_sub(address)
        };
        // All elements before that one have to go on.
        comparison.goes_on(
            guest,
            registers,
            distance / size,
            size as usize,
            self.is_short,
        )
    }

    fn count(&self, registers: &reenact_trace::Registers) -> u64 {
        if self.is_short {
            registers.rcx & 0xffff_ffff
        } else {
            registers.rcx
        }
    }
}

impl Comparison {
    fn goes_on<G: GuestCode>(
        &self,
        guest: &G,
        registers: &reenact_trace::Registers,
        count: u64,
        size: usize,
        is_short: bool,
    ) -> bool {
        let mask = if is_short { 0xffff_ffff } else { u64::MAX };
        let is_backward = registers.rflags & DIRECTION != 0;
        let accumulator = registers.rax.to_le_bytes();
        let (mut left, mut right) = ([0u8; PIECE], [0u8; PIECE]);
        let mut most = (PIECE / size) as u64;
        let mut done = 0;
        while done < count {
            let elements = (count - done).min(most);
            let length = elements as usize * size;
            // The lowest address of the piece.
            let offset = if is_backward {
                (done + elements - 1)
                    .wrapping_mul(size as u64)
                    .wrapping_neg()
            } else {
                done.wrapping_mul(size as u64)
            };
            let at = |base: u64| (base & mask).wrapping_add(offset);
            let mut is_read = guest.read(at(registers.rdi), &mut left[..length]);
            match self.with {
                Other::Accumulator => {
                    for element in right[..length].chunks_exact_mut(size) {
                        element.copy_from_slice(&accumulator[..size]);
                    }
                }
                Other::Source(segment) => {
                    let base = match segment {
                        Segment::Flat => 0,
                        Segment::Fs => registers.fs_base,
                        Segment::Gs => registers.gs_base,
                    };
                    let source = at(registers.rsi).wrapping_add(base);
                    is_read &= guest.read(source, &mut right[..length]);
                }
            }
            if !is_read {
                if elements == 1 {
                    // It faults, and comes no further.
                    return false;
                }
                // It may end before it comes to what cannot be read.
                most = 1;
                continue;
            }
            let pairs = left[..length].chunks_exact(size);
            let mut pairs = pairs.zip(right[..length].chunks_exact(size));
            if !pairs.all(|(one, other)| (one == other) == self.while_equal) {
                return false;
            }
            done += elements;
        }
        true
    }
}
