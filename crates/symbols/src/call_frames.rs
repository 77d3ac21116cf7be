//! The call frame information of a file, as its sections have it.

use gimli::BaseAddresses;

use crate::elf::Elf;
use crate::Bytes;

/// Call frame information of a file.
pub(crate) struct CallFrames {
    pub eh_frame: gimli::EhFrame<Bytes>,
    pub index: Option<gimli::ParsedEhFrameHdr<Bytes>>,
    pub eh_bases: BaseAddresses,
    pub debug_frame: gimli::DebugFrame<Bytes>,
    pub debug_bases: BaseAddresses,
}

impl CallFrames {
    /// `debug` is the file with the debug information, often the same one.
    pub fn new(elf: &Elf, debug: &Elf) -> CallFrames {
        let index = gimli::EhFrameHdr::from(elf.section(".eh_frame_hdr"));
        let mut eh_frame = gimli::EhFrame::from(elf.section(".eh_frame"));
        eh_frame.set_address_size(8);
        let mut debug_frame = gimli::DebugFrame::from(debug.section(".debug_frame"));
        debug_frame.set_address_size(8);
        CallFrames {
            index: index.parse(&elf.bases, 8).ok(),
            eh_frame,
            eh_bases: elf.bases.clone(),
            debug_frame,
            debug_bases: debug.bases.clone(),
        }
    }
}
