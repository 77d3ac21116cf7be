//! Byte patterns that may be an instruction of interest.

use reenact_trace::undetermined;

/// Offsets of the first byte of the opcode of everything in `code` that looks like a non-deterministic
/// instruction: `0F`, the `C7` of `xbegin`, or the `CD` of `int 0x80`.
pub fn instructions(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let long =
        memchr::memchr_iter(0x0f, code).filter(|&at| undetermined::follows_0f(&code[at + 1..]));
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
