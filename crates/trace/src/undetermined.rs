//! How instructions begin whose results the program's state does not determine. Bytes alone tell no code from data: what
//! does not look like one is none, and what does may be one. Pure.

/// Whether the bytes after `0F` belong to one (Intel SDM, volume 2).
pub fn follows_0f(rest: &[u8]) -> bool {
    match rest {
        // cpuid, rdtsc
        [0xa2 | 0x31, ..] => true,
        // rdtscp, xgetbv
        [0x01, 0xf9 | 0xd0, ..] => true,
        // rdrand, rdseed, rdpid: group 9 with a register operand, /6 or /7; xsavec: /4 with memory
        [0xc7, modrm, ..] => *modrm >= 0xf0 || is_memory(*modrm, 4),
        // xsave, xsaveopt: group 15 with memory, /4 and /6
        [0xae, modrm, ..] => is_memory(*modrm, 4) || is_memory(*modrm, 6),
        _ => false,
    }
}

/// Places in `code` where the opcode of one may begin, which may go on behind it.
pub fn places(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let begins = |&at: &usize| match code[at] {
        0x0f => {
            let rest = &code[at + 1..];
            follows_0f(rest) || is_refused(rest) || is_cut(&code[at..])
        }
        // xbegin
        0xc7 => is_cut(&code[at..]) || code[at + 1] == 0xf8,
        _ => false,
    };
    (0..code.len()).filter(begins)
}

/// Whether what follows these bytes tells if they begin such an opcode.
pub fn is_cut(opcode: &[u8]) -> bool {
    matches!(opcode, [0x0f] | [0x0f, 0x00 | 0x01 | 0xae | 0xc7] | [0xc7])
}

/// The same of those that name the processor or the kernel's tables, or wait for a time: nobody records them, and the
/// translator refuses them by name.
fn is_refused(rest: &[u8]) -> bool {
    match rest {
        // sldt, str
        [0x00, modrm, ..] => modrm >> 3 & 7 < 2,
        // sgdt, sidt; smsw
        [0x01, modrm, ..] => is_memory(*modrm, 0) || is_memory(*modrm, 1) || modrm >> 3 & 7 == 4,
        // lar, lsl
        [0x02 | 0x03, ..] => true,
        // umonitor, umwait, tpause
        [0xae, modrm, ..] => *modrm >= 0xf0 && modrm >> 3 & 7 == 6,
        _ => false,
    }
}

/// Whether a ModRM byte names memory, and this number in its middle.
fn is_memory(modrm: u8, number: u8) -> bool {
    modrm < 0xc0 && modrm >> 3 & 7 == number
}
