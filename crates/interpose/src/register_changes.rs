//! Which general registers an instruction may change, of those that `short_decoder` knows: more is right, fewer is not. Pure.

const RAX: u16 = 1;
const RDX: u16 = 1 << 2;
const RSP: u16 = 1 << 4;

/// The registers that ModRM names, as bits. A byte's number can mean the second byte of another register.
struct Named {
    reg: u16,
    /// None when it names memory.
    rm: u16,
}

fn named(modrm: u8, rex: u8, is_byte: bool) -> Named {
    let bits = |number: u8| {
        let second = if is_byte { 1 << (number & 3) } else { 0 };
        1 << number | second
    };
    let is_register = modrm >> 6 == 3;
    Named {
        reg: bits(modrm >> 3 & 7 | (rex & 4) << 1),
        rm: if is_register {
            bits(modrm & 7 | (rex & 1) << 3)
        } else {
            0
        },
    }
}

/// Of an opcode of one byte. `modrm`: what follows it. `rex`: the bits R, X and B of the prefix.
pub fn one_byte(opcode: u8, modrm: u8, rex: u8) -> u16 {
    const COMPARE: u8 = 7;
    let Named { reg, rm } = named(modrm, rex, opcode & 1 == 0);
    let operation = modrm >> 3 & 7;
    // The register that the opcode itself has in its low bits; of bytes, the second one of another.
    let own = 1 << (opcode & 7 | (rex & 1) << 3) | 1 << (opcode & 3);
    match opcode {
        0x38..=0x3f => 0,
        0x00..=0x37 => match opcode & 7 {
            0 | 1 => rm,
            2 | 3 => reg,
            _ => RAX,
        },
        0x50..=0x57 | 0x68 | 0x6a => RSP,
        0x58..=0x5f => RSP | own,
        0x63 | 0x69 | 0x6b | 0x8a | 0x8b | 0x8d => reg | 1 << (modrm >> 3 & 7 | (rex & 4) << 1),
        0x80..=0x83 if operation == COMPARE => 0,
        0x84 | 0x85 | 0xa8 | 0xa9 => 0,
        0x86 | 0x87 => reg | rm,
        0x80..=0x83 | 0x88 | 0x89 | 0xc0..=0xc7 | 0xd0..=0xd3 | 0xfe | 0xff => rm,
        0x90..=0x97 => RAX | own,
        0x98 => RAX,
        0x99 => RDX,
        0xb0..=0xbf => own,
        0xf6 | 0xf7 => match operation {
            0 | 1 => 0,
            2 | 3 => rm,
            _ => RAX | RDX,
        },
        _ => u16::MAX,
    }
}

/// Of an opcode behind 0x0f.
pub fn two_byte(opcode: u8, modrm: u8, rex: u8) -> u16 {
    // Of bytes: SETcc, CMPXCHG and XADD of bytes.
    let is_byte = matches!(opcode, 0x90..=0x9f | 0xb0 | 0xc0);
    let Named { reg, rm } = named(modrm, rex, is_byte);
    match opcode {
        0x2c | 0x2d | 0x40..=0x4f | 0xaf | 0xb6..=0xb8 | 0xbc..=0xbf | 0xd7 => reg,
        0x7e | 0x90..=0x9f | 0xa4 | 0xa5 | 0xab | 0xac | 0xad | 0xb3 | 0xba | 0xbb => rm,
        0xb0 | 0xb1 => rm | RAX,
        // RDSSP among the hints.
        0x1e => rm,
        0xc0 | 0xc1 => reg | rm,
        0xc7 => RAX | RDX,
        0xc8..=0xcf => 1 << (opcode & 7 | (rex & 1) << 3),
        // Vectors, comparisons, hints and fences.
        0x10..=0x2b | 0x2e | 0x2f | 0x51..=0x76 | 0x7f | 0xa3 | 0xae => 0,
        0xd1..=0xfe => 0,
        _ => u16::MAX,
    }
}
