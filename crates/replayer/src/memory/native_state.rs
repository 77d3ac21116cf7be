//! What is known of code that the processor executes as it is. Pure.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::{FileId, MapRecord};

/// What there is for it.
#[derive(Default)]
pub struct NativeCode {
    pub is_wanted: bool,
    /// Something is not as it was while recording: this image is translated.
    pub is_lost: bool,
    /// Pages with trampolines, which are not in the table.
    pub trampolines: Vec<u64>,
}

/// Whether a mapping's code is that of a file, and stays so.
pub fn is_of_file(record: &MapRecord) -> bool {
    FileId(record.file) != FileId::NONE
        && record.object == 0
        && u64::from(record.protection) & n::PROT_WRITE == 0
}
