//! What lies between functions: hand-written code without unwind information and symbols, and tables.
//!
//! Ways into it are the start of the program, functions without a size, what the loader calls, and the direct
//! calls and branches of all that is reached.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use crate::elf::Elf;
use crate::flow::{Extent, Flow};
use crate::functions;
use crate::image::Image;
use crate::returns::Returns;

/// How many gaps deep a way is looked for that leads through gaps only.
const DEPTH: usize = 4;

/// The flow through the gaps that hold one of the sorted `addresses`.
pub fn flows<'a>(
    elf: &'a Elf<'a>,
    image: &'a Image<'a>,
    returns: &'a Returns<'a>,
    addresses: &[u64],
) -> Vec<Flow<'a>> {
    let functions = functions::functions(elf, |_| true);
    let functions: Vec<Range<u64>> = functions.into_iter().map(|one| one.range).collect();
    let gaps = gaps(image, &functions);
    let (wanted, callers) = of_interest(image, &gaps, &functions, addresses);
    let mut entries = vec![elf.entry()];
    entries.extend(elf.initializers());
    entries.extend(elf.functions().into_iter().map(|(address, _)| address));
    for range in callers {
        if let Some(mut flow) = Flow::new(image, returns, range.clone(), Extent::Function) {
            flow.enter(range.start);
            entries.extend(flow.take_outside());
        }
    }
    let mut flows: BTreeMap<u64, Flow<'a>> = BTreeMap::new();
    let mut known = HashSet::new();
    while let Some(entry) = entries.pop() {
        if !known.insert(entry) {
            continue;
        }
        let Some(gap) = holder(&wanted, entry) else {
            continue;
        };
        let flow = match flows.entry(gap.start) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => match Flow::new(image, returns, gap.clone(), Extent::Gap) {
                Some(flow) => free.insert(flow),
                None => continue,
            },
        };
        flow.enter(entry);
        entries.extend(flow.take_outside());
    }
    flows.into_values().collect()
}

/// That of the sorted, separate `ranges` that holds an address.
fn holder(ranges: &[Range<u64>], address: u64) -> Option<&Range<u64>> {
    let index = ranges.partition_point(|range| range.start <= address);
    ranges[..index]
        .last()
        .filter(|range| range.contains(&address))
}

/// The gaps that hold an address or may lead to one, and the functions that may lead into one of these.
fn of_interest(
    image: &Image<'_>,
    gaps: &[Range<u64>],
    functions: &[Range<u64>],
    addresses: &[u64],
) -> (Vec<Range<u64>>, Vec<Range<u64>>) {
    let mut wanted: Vec<Range<u64>> = addresses
        .iter()
        .filter_map(|&address| holder(gaps, address).cloned())
        .collect();
    let mut callers = Vec::new();
    for _ in 0..DEPTH {
        wanted.sort_unstable_by_key(|gap| gap.start);
        wanted.dedup();
        let branches = branches_into(image, &wanted);
        let inside = |range: &&Range<u64>| {
            let first = branches.partition_point(|&branch| branch < range.start);
            branches.get(first).is_some_and(|next| range.contains(next))
        };
        callers = functions.iter().filter(inside).cloned().collect();
        let count = wanted.len();
        let others = gaps.iter().filter(inside).cloned();
        wanted.extend(others.collect::<Vec<_>>());
        wanted.sort_unstable_by_key(|gap| gap.start);
        wanted.dedup();
        if wanted.len() == count {
            break;
        }
    }
    (wanted, callers)
}

/// Addresses of all bytes that would be a direct call or branch into one of the sorted `ranges`, if an instruction
/// began there.
fn branches_into(image: &Image<'_>, ranges: &[Range<u64>]) -> Vec<u64> {
    let mut branches = Vec::new();
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
        return branches;
    };
    let all = first.start..last.end;
    for piece in image.pieces() {
        let code = image.bytes(piece);
        for (at, pair) in code.windows(2).enumerate() {
            let length = match pair {
                [0xe8 | 0xe9, _] => 5,
                [0x0f, 0x80..=0x8f] => 6,
                _ => continue,
            };
            let Some(distance) = code.get(at + length - 4..at + length) else {
                continue;
            };
            let distance = distance.try_into().map_or(0, i32::from_le_bytes);
            let address = piece.address.wrapping_add(at as u64);
            let target = address
                .wrapping_add(length as u64)
                .wrapping_add(i64::from(distance) as u64);
            if all.contains(&target) && holder(ranges, target).is_some() {
                branches.push(address);
            }
        }
    }
    branches.sort_unstable();
    branches
}

/// What of the code the sorted `functions` leave.
fn gaps(image: &Image<'_>, functions: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    for piece in image.pieces() {
        let end = piece.address.saturating_add(piece.bytes.len() as u64);
        let mut start = piece.address;
        let first = functions.partition_point(|function| function.start < start);
        // One that begins before the piece may reach into it.
        for function in &functions[first.saturating_sub(1)..] {
            if function.start >= end {
                break;
            }
            if function.start > start {
                gaps.push(start..function.start);
            }
            start = start.max(function.end);
        }
        if start < end {
            gaps.push(start..end);
        }
    }
    gaps.sort_unstable_by_key(|gap| gap.start);
    gaps
}
