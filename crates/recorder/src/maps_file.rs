//! Lines of `/proc/self/maps`.

use reenact_freestanding::numbers::{PROT_EXEC, PROT_READ, PROT_WRITE};
use reenact_interpose::call_sites;
use reenact_trace::layout::is_reserved;

/// Whether a line of the maps file is about memory of the recorder.
pub fn is_ours(line: &[u8]) -> bool {
    let start = hexadecimal(line);
    is_reserved(start) || call_sites::is_trampoline(start)
}

/// The hexadecimal number at the start of a text.
pub fn hexadecimal(text: &[u8]) -> u64 {
    text.iter()
        .map_while(|&byte| (byte as char).to_digit(16))
        .fold(0, |value, digit| value << 4 | u64::from(digit))
}

/// Start, end and protection of the mapping that a line tells of.
pub fn range(line: &[u8]) -> Option<(u64, u64, u32)> {
    let dash = line.iter().position(|&byte| byte == b'-')?;
    let space = dash + line[dash..].iter().position(|&byte| byte == b' ')?;
    let permissions = line.get(space + 1..space + 5)?;
    let said = [(b'r', PROT_READ), (b'w', PROT_WRITE), (b'x', PROT_EXEC)];
    let protection = said
        .iter()
        .filter(|(letter, _)| permissions.contains(letter))
        .fold(0, |all, (_, bit)| all | bit);
    let (from, to) = (hexadecimal(line), hexadecimal(&line[dash + 1..space]));
    Some((from, to, protection as u32))
}
