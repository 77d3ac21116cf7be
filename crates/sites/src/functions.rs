//! Functions of a file: where they begin and end, and where they are entered.
//!
//! Unwind information, symbols of functions with a size and the table of the Go linker say so. Labels of
//! assembly code say nothing: they name tables, too.

use std::ops::Range;

use gimli::{
    BaseAddresses, CieOrFde, EhFrame, EndianSlice, FrameDescriptionEntry, LittleEndian, Pointer,
    UnwindSection,
};

use crate::elf::Elf;
use crate::go_functions;

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub range: Range<u64>,
    /// Address of the table of its landing pads.
    pub exceptions: Option<u64>,
}

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// The functions that `wanted` asks for, in order of their start, then of their end.
pub fn functions(elf: &Elf<'_>, wanted: impl Fn(&Range<u64>) -> bool) -> Vec<Function> {
    let mut functions = Vec::new();
    from_unwind_information(elf, &mut |function| {
        if wanted(&function.range) {
            functions.push(function);
        }
    });
    let sized = elf
        .functions()
        .into_iter()
        .filter_map(|(start, size)| Some(start..start.checked_add(size)?));
    for range in sized.chain(go_functions::ranges(elf)) {
        if !range.is_empty() && wanted(&range) {
            let exceptions = None;
            functions.push(Function { range, exceptions });
        }
    }
    // Of two with the same range the one with landing pads stays.
    functions.sort_by_key(|one| (one.range.start, one.range.end, one.exceptions.is_none()));
    functions.dedup_by(|later, first| later.range == first.range);
    functions
}

fn from_unwind_information(elf: &Elf<'_>, found: &mut dyn FnMut(Function)) {
    let Some((bytes, address)) = elf.section(".eh_frame") else {
        return;
    };
    let text = elf.section(".text").map_or(0, |(_, address)| address);
    let bases = BaseAddresses::default()
        .set_eh_frame(address)
        .set_text(text);
    let section = EhFrame::from(EndianSlice::new(bytes, LittleEndian));
    let mut entries = section.entries(&bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else {
            continue;
        };
        let Ok(entry) = partial.parse(EhFrame::cie_from_offset) else {
            continue;
        };
        if let Some(function) = function(&entry) {
            found(function);
        }
    }
}

fn function(entry: &FrameDescriptionEntry<Reader<'_>>) -> Option<Function> {
    // That of a signal's trampoline begins a byte early, in whatever lies there.
    let early = u64::from(entry.is_signal_trampoline());
    let start = entry.initial_address();
    let end = start.checked_add(entry.len())?;
    let start = start.checked_add(early).filter(|&start| start < end)?;
    let exceptions = match entry.lsda() {
        Some(Pointer::Direct(address)) => Some(address),
        _ => None,
    };
    Some(Function {
        range: start..end,
        exceptions,
    })
}
