//! Lines of `/proc/self/maps`.

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
