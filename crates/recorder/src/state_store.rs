//! XSAVE, XSAVEC and XSAVEOPT of the program. Which state components the processor regards as in use
//! decides what they store, and for one that holds its initial values that is the processor's own
//! business: a switch of threads by the kernel can change it. So they are performed here, and logged.
//!
//! The dynamic linker executes one whenever it looks a function up.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_trace::event::instruction;
use reenact_trace::{EventKind, Registers};

use crate::log::Builder;
use crate::{cpuid, guest};
use reenact_interpose::extended_state::{self, ExtendedState, XSAVE_MAX};
use reenact_interpose::Frame;

/// Legacy area and header: what is stored whatever the components.
const HEADER_END: usize = 576;
const ALIGNMENT: u64 = 64;

/// The memory operand of an instruction.
struct Operand {
    address: u64,
    /// Of the instruction, bytes.
    length: u64,
    /// Whether x87 pointers are stored with 64 bits (REX.W).
    is_wide: bool,
}

/// Perform the instruction of this kind at `ip`, whose first byte is `original` and not the one in
/// memory. The address of the next one, or `None` when it would fault or is of an unknown form.
pub fn perform(frame: &Frame, kind: u16, ip: u64, original: u8) -> Option<u64> {
    let mut registers = frame.registers;
    registers.rip = ip;
    let operand = operand(&mut registers, original)?;
    let mask = registers.rdx << 32 | registers.rax & 0xffff_ffff;
    let length = extent(kind, mask)?;
    if operand.address % ALIGNMENT != 0 {
        return None;
    }
    let mut area = ExtendedState([0; XSAVE_MAX]);
    // What it leaves alone stays.
    let content = area.0.get_mut(..length)?;
    if !guest::read(operand.address, content) {
        return None;
    }
    let which = match kind {
        instruction::XSAVE => 0,
        instruction::XSAVEC => 2,
        _ => 4,
    };
    // SAFETY: the site proves the CPU has the instruction; `extent` is what it can store.
    unsafe { extended_state::store(frame, &mut area, mask, which + u32::from(operand.is_wide)) };
    let content = &area.0[..length];
    if !guest::write(operand.address, content) {
        return None;
    }
    let mut event = Builder::new(EventKind::Instruction, kind);
    event.header.ip = ip;
    event.header.register_checksum = registers.checksum();
    let r = &registers;
    event.header.args = [r.rax, r.rbx, r.rcx, r.rdx, r.rflags, 0];
    event.bytes(reenact_trace::Tag::Write, operand.address, content);
    event.commit();
    Some(ip + operand.length)
}

/// Decode the instruction at rip (Intel SDM volume 2, 2.1 and 2.2). `None` for forms that nobody writes:
/// other segments, 32-bit addresses.
fn operand(registers: &mut Registers, original: u8) -> Option<Operand> {
    let mut bytes = [0u8; 15];
    // Near the end of a mapping there may be fewer bytes.
    let count = (1..=bytes.len())
        .rev()
        .find(|&count| guest::read(registers.rip, &mut bytes[..count]))?;
    bytes[0] = original;
    let code = &bytes[..count];
    let mut at = 0;
    let mut rex = 0;
    loop {
        match *code.get(at)? {
            0x2e | 0x3e | 0x26 | 0x36 => {}
            prefix @ 0x40..=0x4f => rex = prefix,
            0x0f => break,
            _ => return None,
        }
        at += 1;
    }
    let extension = |bit: u8| usize::from(rex >> bit & 1) * 8;
    let modrm = *code.get(at + 2)?;
    at += 3;
    let (mode, base) = (modrm >> 6, usize::from(modrm & 7));
    let mut address = 0;
    let mut wide_displacement = mode == 2;
    let mut is_relative = false;
    if base == 4 {
        let sib = *code.get(at)?;
        at += 1;
        let (scale, index) = (sib >> 6, usize::from(sib >> 3 & 7) + extension(1));
        // Number 4 is no index, number 5 without a displacement no base.
        if index != 4 {
            address = *registers.by_number(index) << scale;
        }
        if sib & 7 == 5 && mode == 0 {
            wide_displacement = true;
        } else {
            let number = usize::from(sib & 7) + extension(0);
            address = registers.by_number(number).wrapping_add(address);
        }
    } else if base == 5 && mode == 0 {
        (wide_displacement, is_relative) = (true, true);
    } else {
        address = *registers.by_number(base + extension(0));
    }
    let displacement = match (wide_displacement, mode) {
        (true, _) => {
            let field = code.get(at..at + 4)?;
            at += 4;
            i64::from(i32::from_le_bytes([field[0], field[1], field[2], field[3]]))
        }
        (false, 1) => {
            at += 1;
            i64::from(*code.get(at - 1)? as i8)
        }
        _ => 0,
    };
    let length = at as u64;
    if is_relative {
        address = registers.rip + length;
    }
    Some(Operand {
        address: address.wrapping_add_signed(displacement),
        length,
        is_wide: rex & 8 != 0,
    })
}

/// How many bytes from its operand on an instruction of this kind can store; `None` when that is more than
/// we have room for.
fn extent(kind: u16, mask: u64) -> Option<usize> {
    /// The last answer: CPUID costs an exit on a virtual machine where the arena has no answer.
    static ASKED: AtomicU64 = AtomicU64::new(0);
    static ANSWER: AtomicU64 = AtomicU64::new(0);
    let features = enabled() & mask;
    let is_compact = kind == instruction::XSAVEC;
    // Bit 0, the x87 state, makes no difference.
    let question = features & !1 | u64::from(is_compact) | 1 << 63;
    if ASKED.load(Ordering::Relaxed) == question {
        return Some(ANSWER.load(Ordering::Relaxed) as usize);
    }
    let mut end = HEADER_END;
    for component in (2..63).filter(|component| features >> component & 1 != 0) {
        // Leaf 13: EAX is the size, EBX the place in the standard format, bit 1 of ECX whether the
        // place in the compacted format is a multiple of 64.
        let leaf = cpuid::ask(13, component);
        let size = leaf.eax as usize;
        end = if !is_compact {
            end.max(leaf.ebx as usize + size)
        } else if leaf.ecx & 2 != 0 {
            end.next_multiple_of(64) + size
        } else {
            end + size
        };
    }
    if end > XSAVE_MAX {
        return None;
    }
    ANSWER.store(end as u64, Ordering::Relaxed);
    ASKED.store(question, Ordering::Relaxed);
    Some(end)
}

/// State components the system has enabled (XCR0).
fn enabled() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the program has just shown that XSAVE is enabled.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high,
            options(nomem, nostack));
    }
    u64::from(high) << 32 | u64::from(low)
}
