//! Byte patterns that may be an instruction of interest.

/// Offsets of the first byte of the opcode of everything in `code` that looks like a non-deterministic
/// instruction: `0F`, the `C7` of `xbegin`, or the `CD` of `int 0x80`.
pub fn instructions(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let long = memchr::memchr_iter(0x0f, code).filter(|&at| looks_right(&code[at + 1..]));
    long.chain(memchr::memmem::find_iter(code, &[0xc7, 0xf8]))
        .chain(memchr::memmem::find_iter(code, &[0xcd, 0x80]))
}

/// Offsets of everything in `code` that looks like a system call whose neighbours can make room for a jump.
pub fn system_calls(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memmem::find_iter(code, &[0x0f, 0x05]).filter(|&at| {
        let follows_mov = at >= 5 && code[at - 5] == 0xb8;
        follows_mov || code[at + 2..].starts_with(&[0x48, 0x3d])
    })
}

/// Whether the bytes after `0F` belong to one (Intel SDM, volume 2).
fn looks_right(rest: &[u8]) -> bool {
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

/// Whether a ModRM byte names memory, and this number in its middle.
fn is_memory(modrm: u8, number: u8) -> bool {
    modrm < 0xc0 && modrm >> 3 & 7 == number
}
