//! The functions around addresses: from unwind information, else from symbols.

use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, LittleEndian, UnwindSection};

use crate::elf::Elf;

/// For each of the sorted `addresses` the function that holds it, if known.
pub fn around(elf: &Elf<'_>, addresses: &[u64]) -> Vec<Option<Range<u64>>> {
    let mut functions = vec![None; addresses.len()];
    from_unwind_information(elf, addresses, &mut functions);
    if functions.contains(&None) {
        from_symbols(elf, addresses, &mut functions);
    }
    functions
}

/// Note `function` for the addresses it holds. Of several the shortest is the best.
fn note(addresses: &[u64], functions: &mut [Option<Range<u64>>], function: &Range<u64>) {
    let first = addresses.partition_point(|&address| address < function.start);
    let last = addresses.partition_point(|&address| address < function.end);
    for known in functions.get_mut(first..last).unwrap_or_default() {
        let length = |range: &Range<u64>| range.end - range.start;
        if known
            .as_ref()
            .is_none_or(|old| length(function) < length(old))
        {
            *known = Some(function.clone());
        }
    }
}

fn from_unwind_information(elf: &Elf<'_>, addresses: &[u64], functions: &mut [Option<Range<u64>>]) {
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
        let start = entry.initial_address();
        if let Some(end) = start.checked_add(entry.len()) {
            note(addresses, functions, &(start..end));
        }
    }
}

/// Only fills in what is not known yet. Labels of assembly code have no size: they
/// reach to the next symbol.
fn from_symbols(elf: &Elf<'_>, addresses: &[u64], functions: &mut [Option<Range<u64>>]) {
    let mut symbols = elf.symbols();
    symbols.sort_unstable();
    let mut found = vec![None; addresses.len()];
    for (index, &(start, size)) in symbols.iter().enumerate() {
        let end = if size == 0 {
            symbols[index..]
                .iter()
                .map(|next| next.0)
                .find(|&next| next > start)
        } else {
            start.checked_add(size)
        };
        if let Some(end) = end {
            note(addresses, &mut found, &(start..end));
        }
    }
    for (known, found) in functions.iter_mut().zip(found) {
        *known = known.take().or(found);
    }
}
