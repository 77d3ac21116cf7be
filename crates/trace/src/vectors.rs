//! x87 and vector registers as a landing logs them: the state components of the processor (Intel
//! SDM volume 1, 13.1), each by itself, so that a replay on another processor finds them in the
//! places it has for them. What depends on where code lies (x87 instruction and data pointers,
//! last opcode) is left out.

/// Bytes of the legacy area of XSAVE, which holds the components 0 and 1.
pub const LEGACY_SIZE: usize = 512;

/// Component 0.
pub const X87: u64 = 0;
/// Control word, status word, tags (5 bytes), zeros (3), eight registers of 10 bytes.
pub const X87_SIZE: usize = 88;
/// In snapshots of replays only, and no component of the processor: last opcode (2 bytes), zeros (6), instruction and data
/// pointer. Where a program runs at the same addresses they are part of its state.
pub const X87_POINTERS: u64 = 63;
pub const X87_POINTERS_SIZE: usize = 24;
/// Component 1. Every landing has it, of the other components only those that are not zero.
pub const SSE: u64 = 1;
/// MXCSR (4 bytes), zeros (4), sixteen registers of 16 bytes.
pub const SSE_SIZE: usize = 264;
/// Upper halves of ymm0-15, opmask registers, upper halves of zmm0-15, zmm16-31: as XSAVE has them.
pub const EXTENDED: [u64; 4] = [2, 5, 6, 7];
/// The longest of these, bytes.
pub const MOST_BYTES: usize = 1024;

/// Offset of the x87 registers in the legacy area.
pub const REGISTERS: usize = 32;
const REGISTER_SPACE: usize = 16;
const REGISTER_SIZE: usize = 10;
/// Last opcode, then instruction and data pointer.
const OPCODE: usize = 6;
const POINTERS: usize = 8;
const MXCSR: usize = 24;
const XMM: usize = 160;

/// Component 0 of a legacy area.
pub fn x87(area: &[u8; LEGACY_SIZE]) -> [u8; X87_SIZE] {
    let mut content = [0; X87_SIZE];
    content[..5].copy_from_slice(&area[..5]);
    let registers = area[REGISTERS..XMM].chunks_exact(REGISTER_SPACE);
    for (to, from) in content[8..].chunks_exact_mut(REGISTER_SIZE).zip(registers) {
        to.copy_from_slice(&from[..REGISTER_SIZE]);
    }
    content
}

/// The x87 pointers of a legacy area.
pub fn x87_pointers(area: &[u8; LEGACY_SIZE]) -> [u8; X87_POINTERS_SIZE] {
    let mut content = [0; X87_POINTERS_SIZE];
    content[..2].copy_from_slice(&area[OPCODE..POINTERS]);
    content[8..].copy_from_slice(&area[POINTERS..MXCSR]);
    content
}

/// Component 1 of a legacy area.
pub fn sse(area: &[u8; LEGACY_SIZE]) -> [u8; SSE_SIZE] {
    let mut content = [0; SSE_SIZE];
    content[..4].copy_from_slice(&area[MXCSR..MXCSR + 4]);
    content[8..].copy_from_slice(&area[XMM..XMM + SSE_SIZE - 8]);
    content
}

/// Put component 0 back into a legacy area.
pub fn put_x87(content: &[u8], area: &mut [u8; LEGACY_SIZE]) {
    let Some((head, rest)) = content.split_at_checked(8) else {
        return;
    };
    area[..5].copy_from_slice(&head[..5]);
    let places = area[REGISTERS..XMM].chunks_exact_mut(REGISTER_SPACE);
    for (from, to) in rest.chunks_exact(REGISTER_SIZE).zip(places) {
        to[..REGISTER_SIZE].copy_from_slice(from);
    }
}

/// The same of the x87 pointers.
pub fn put_x87_pointers(content: &[u8], area: &mut [u8; LEGACY_SIZE]) {
    if content.len() == X87_POINTERS_SIZE {
        area[OPCODE..POINTERS].copy_from_slice(&content[..2]);
        area[POINTERS..MXCSR].copy_from_slice(&content[8..]);
    }
}

/// The same of component 1.
pub fn put_sse(content: &[u8], area: &mut [u8; LEGACY_SIZE]) {
    if content.len() == SSE_SIZE {
        area[MXCSR..MXCSR + 4].copy_from_slice(&content[..4]);
        area[XMM..XMM + SSE_SIZE - 8].copy_from_slice(&content[8..]);
    }
}
