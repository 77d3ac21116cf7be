//! Knows the most frequent instructions by their bytes, without the general decoder: those that are copied as they are.
//!
//! An optional REX prefix, one or two bytes of opcode, operands that are not relative to rip. What they do to the flags is
//! asked of the general decoder once, for each opcode and each value of the field in ModRM that may extend it.

use crate::classify::{is_shift, Class, Classifier};
use alloc::vec;
use alloc::vec::Vec;
use iced_x86::{Decoder, DecoderOptions, Instruction};

/// What follows the opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operands {
    /// Not one of these instructions.
    Other,
    /// So many bytes of immediate.
    Immediate(u8),
    /// Four of them, or eight with REX.W.
    Wide,
    /// ModRM and so many bytes of immediate.
    Modrm(u8),
    /// ModRM that names memory.
    Memory,
}

/// An opcode with its extension.
#[derive(Clone, Copy, Debug)]
struct Entry {
    operands: Operands,
    read: u8,
    killed: u8,
}

/// An instruction that can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub length: u8,
    /// Status flags read and overwritten, as in [`crate::classify::CodeInfo`].
    pub read: u8,
    pub killed: u8,
}

/// Bytes that are looked at, whatever they are.
const WINDOW: usize = 16;

/// Number of extensions of an opcode.
const EXTENSIONS: usize = 8;
/// Index of the opcodes behind 0x0f.
const SECOND_MAP: usize = 256;

pub(crate) struct PlainTable {
    entries: Vec<Entry>,
}

/// The operands of an opcode (behind 0x0f: + [`SECOND_MAP`]) with this extension.
fn operands(opcode: usize, extension: usize) -> Operands {
    use Operands::*;
    match opcode {
        // add, or, adc, sbb, and, sub, xor, cmp
        0x00..=0x3f => match opcode & 7 {
            0..=3 => Modrm(0),
            4 => Immediate(1),
            5 => Immediate(4),
            _ => Other,
        },
        // push, pop
        0x50..=0x5f => Immediate(0),
        0x68 => Immediate(4),
        0x6a => Immediate(1),
        // movsxd, imul
        0x63 => Modrm(0),
        0x69 => Modrm(4),
        0x6b => Modrm(1),
        0x80 | 0x83 => Modrm(1),
        0x81 => Modrm(4),
        // test, mov, lea
        0x84 | 0x85 | 0x88..=0x8b => Modrm(0),
        0x8d => Memory,
        // cdqe, cqo
        0x98 | 0x99 => Immediate(0),
        0xa8 => Immediate(1),
        0xa9 => Immediate(4),
        0xb0..=0xb7 => Immediate(1),
        0xb8..=0xbf => Wide,
        // mov, without xabort and xbegin
        0xc6 if extension == 0 => Modrm(1),
        0xc7 if extension == 0 => Modrm(4),
        // test, not, neg, mul, imul, div, idiv
        0xf6 if extension == 0 => Modrm(1),
        0xf7 if extension == 0 => Modrm(4),
        0xf6 | 0xf7 if extension >= 2 => Modrm(0),
        // inc, dec, push
        0xfe if extension <= 1 => Modrm(0),
        0xff if extension <= 1 || extension == 6 => Modrm(0),
        _ if opcode >= SECOND_MAP => match opcode - SECOND_MAP {
            // movups, movaps, xorps
            0x10 | 0x11 | 0x28 | 0x29 | 0x57 => Modrm(0),
            // cmov, set
            0x40..=0x4f | 0x90..=0x9f => Modrm(0),
            // imul, movzx, movsx
            0xaf | 0xb6 | 0xb7 | 0xbe | 0xbf => Modrm(0),
            _ => Other,
        },
        _ => Other,
    }
}

impl PlainTable {
    pub fn new(classifier: &mut Classifier) -> PlainTable {
        let entry = |index: usize| {
            let (opcode, extension) = (index / EXTENSIONS, index % EXTENSIONS);
            examine(classifier, opcode, extension)
        };
        PlainTable {
            entries: (0..2 * SECOND_MAP * EXTENSIONS).map(entry).collect(),
        }
    }

    /// The instruction that begins with these bytes, if it is one of those known here.
    #[inline]
    pub fn find(&self, bytes: &[u8; WINDOW]) -> Option<Plain> {
        let rex = if bytes[0] & 0xf0 == 0x40 { bytes[0] } else { 0 };
        let mut at = usize::from(rex != 0);
        let mut opcode = usize::from(bytes[at]);
        if opcode == 0x0f {
            at += 1;
            opcode = SECOND_MAP + usize::from(bytes[at]);
        }
        at += 1;
        let modrm = bytes[at];
        let extension = usize::from(modrm >> 3 & 7);
        let entry = self.entries[opcode * EXTENSIONS + extension];
        let length = match entry.operands {
            Operands::Other => return None,
            Operands::Immediate(size) => at + usize::from(size),
            Operands::Wide => at + if rex & 8 != 0 { 8 } else { 4 },
            Operands::Modrm(size) => at + address_length(modrm, bytes[at + 1])? + usize::from(size),
            Operands::Memory if modrm >= 0xc0 => return None,
            Operands::Memory => at + address_length(modrm, bytes[at + 1])?,
        };
        Some(Plain {
            length: length as u8,
            read: entry.read,
            killed: entry.killed,
        })
    }
}

/// Bytes of ModRM and what it asks for; `None` for an address relative to rip.
#[inline]
fn address_length(modrm: u8, sib: u8) -> Option<usize> {
    let has_sib = modrm & 7 == 4;
    let displacement = match modrm >> 6 {
        3 => return Some(1),
        2 => 4,
        1 => 1,
        _ if modrm & 7 == 5 => return None,
        _ if has_sib && sib & 7 == 5 => 4,
        _ => 0,
    };
    Some(1 + usize::from(has_sib) + displacement)
}

/// What the general decoder says about an opcode.
fn examine(classifier: &mut Classifier, opcode: usize, extension: usize) -> Entry {
    let other = Entry {
        operands: Operands::Other,
        read: 0,
        killed: 0,
    };
    let operands = operands(opcode, extension);
    if operands == Operands::Other {
        return other;
    }
    let mut bytes = vec![];
    if opcode >= SECOND_MAP {
        bytes.push(0x0f);
    }
    bytes.push(opcode as u8);
    if matches!(operands, Operands::Modrm(_) | Operands::Memory) {
        // [rax]
        bytes.push((extension as u8) << 3);
    }
    bytes.resize(WINDOW, 0);
    let mut instruction = Instruction::default();
    Decoder::with_ip(64, &bytes, 0, DecoderOptions::NONE).decode_out(&mut instruction);
    let info = classifier.get(&instruction);
    let is_copied = matches!(info.class, Class::Copy | Class::Load | Class::Lea);
    if !is_copied || is_shift(instruction.mnemonic()) {
        return other;
    }
    Entry {
        operands,
        read: info.read,
        killed: info.killed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compare with the general decoder; whether it was one of these instructions.
    fn agrees(table: &PlainTable, classifier: &mut Classifier, bytes: &[u8; WINDOW]) -> bool {
        let Some(plain) = table.find(bytes) else {
            return false;
        };
        let mut instruction = Instruction::default();
        Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode_out(&mut instruction);
        let info = classifier.get(&instruction);
        assert!(
            matches!(info.class, Class::Copy | Class::Load | Class::Lea),
            "{:?} of {bytes:x?}",
            info.class
        );
        assert_eq!(usize::from(plain.length), instruction.len(), "{bytes:x?}");
        assert_eq!((plain.read, plain.killed), (info.read, info.killed));
        assert!(!is_shift(instruction.mnemonic()));
        assert!(!instruction.is_ip_rel_memory_operand());
        assert_eq!(instruction.segment_prefix(), iced_x86::Register::None);
        true
    }

    /// The first is none; each bit by itself, and all.
    const REX: [u8; 7] = [0x3f, 0x40, 0x41, 0x42, 0x44, 0x48, 0x4f];

    #[test]
    fn every_encoding_is_what_the_general_decoder_says() {
        let mut classifier = Classifier::new();
        let table = PlainTable::new(&mut classifier);
        let mut found = 0u32;
        for prefix in [None, Some(0x0f)] {
            for rex in REX {
                for opcode in 0..=255u8 {
                    for modrm in 0..=255u8 {
                        for sib in [0x00, 0x05, 0x25, 0x64, 0x85, 0xe4, 0xed, 0xff] {
                            let mut bytes = [0xa5; WINDOW];
                            let start = [rex].into_iter().filter(|&rex| rex != REX[0]);
                            let all = start.chain(prefix).chain([opcode, modrm, sib]);
                            for (place, byte) in bytes.iter_mut().zip(all) {
                                *place = byte;
                            }
                            found += u32::from(agrees(&table, &mut classifier, &bytes));
                        }
                    }
                }
            }
        }
        // More than a quarter of them.
        assert!(found > 2 * 7 * 256 * 256 * 8 / 4, "{found}");
    }

    #[test]
    fn prefixes_are_left_to_the_general_decoder() {
        let mut classifier = Classifier::new();
        let table = PlainTable::new(&mut classifier);
        for prefix in [
            0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
        ] {
            let mut bytes = [0; WINDOW];
            bytes[..3].copy_from_slice(&[prefix, 0x89, 0xc8]);
            assert_eq!(table.find(&bytes), None);
            bytes[..4].copy_from_slice(&[0x48, prefix, 0x89, 0xc8]);
            assert_eq!(table.find(&bytes), None);
        }
    }
}
