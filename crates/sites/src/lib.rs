//! Finds the instructions of ELF files that a recorder puts something else in the place of: those that are
//! not deterministic, and system calls.
//!
//! Design constraints:
//! * Pure: bytes in, sites out; never panics, and ends soon, whatever the bytes.
//! * A false site changes the recorded program: tables lie between functions (GHC, hand-written assembly), and
//!   some bytes of theirs look like an instruction between others. So a site is *proven* only where the flow of
//!   control leads to it from the entry of a function that unwind information or a symbol names, through direct
//!   branches, calls that return and tables of `switch` statements.
//! * What looks like an instruction and is not proven is *suspected*: the recorder must not touch the bytes, and can only
//!   watch whether they are executed.
//! * Files of 100 MB (node) must be scanned in a fraction of a second, while the program waits:
//!   byte patterns are searched first, and only functions that hold one are decoded.

mod branch;
mod candidates;
mod elf;
mod flow;
mod functions;
mod gaps;
mod go_functions;
mod history;
mod image;
mod jump_tables;
mod kinds;
mod landing_pads;
mod plausible;
mod returns;

use elf::Elf;
use flow::{Extent, Flow, Verdict};
use functions::Function;
use image::Image;
use reenact_trace::event::instruction;
use reenact_trace::site::{InstructionSite, KnownCall};
use returns::Returns;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sites {
    /// In order of offset.
    pub instructions: Vec<InstructionSite>,
    /// In order of offset.
    pub calls: Vec<KnownCall>,
}

/// The sites of an ELF file; none for anything that is no x86-64 ELF file.
pub fn scan(bytes: &[u8]) -> Sites {
    let Some(elf) = Elf::parse(bytes) else {
        return Sites::default();
    };
    let image = Image::new(bytes, &elf);
    let returns = Returns::new(&image, &elf);
    let mut scan = Scan {
        image: &image,
        sites: Sites::default(),
        open: Vec::new(),
    };
    let mut calls = Vec::new();
    for piece in image.pieces() {
        let code = image.bytes(piece);
        let address = |at: usize| piece.address.saturating_add(at as u64);
        scan.open
            .extend(candidates::instructions(code).map(address));
        calls.extend(candidates::system_calls(code).map(address));
    }
    scan.open.sort_unstable();
    calls.sort_unstable();
    let holds = |function: &std::ops::Range<u64>, addresses: &[u64]| {
        let first = addresses.partition_point(|&address| address < function.start);
        addresses
            .get(first)
            .is_some_and(|next| function.contains(next))
    };
    let functions = functions::functions(&elf, |range| {
        holds(range, &scan.open) || holds(range, &calls)
    });
    let entries = entries(&elf);
    for function in &functions {
        if let Some(flow) = flow(function, &image, &returns, &entries) {
            scan.take(&flow, &calls);
        }
    }
    let between = |address: &&u64| !functions.iter().any(|one| one.range.contains(*address));
    let mut rest: Vec<u64> = scan.open.iter().filter(between).copied().collect();
    rest.extend(calls.iter().filter(between));
    if !rest.is_empty() {
        for flow in gaps::flows(&elf, &image, &returns, &rest) {
            scan.take(&flow, &calls);
        }
    }
    scan.suspect();
    scan.sites.instructions.sort_unstable();
    scan.sites
        .instructions
        .dedup_by_key(|site| site.file_offset);
    scan.sites.calls.sort_unstable();
    scan.sites.calls.dedup_by_key(|site| site.file_offset);
    scan.sites
}

/// Addresses at which functions with a symbol begin, sorted.
fn entries(elf: &Elf<'_>) -> Vec<u64> {
    let mut entries: Vec<u64> = elf
        .functions()
        .into_iter()
        .map(|(start, _)| start)
        .collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// The flow through a function.
fn flow<'a>(
    function: &Function,
    image: &'a Image<'a>,
    returns: &'a Returns<'a>,
    entries: &[u64],
) -> Option<Flow<'a>> {
    let range = function.range.clone();
    let mut flow = Flow::new(image, returns, range.clone(), Extent::Function)?;
    flow.enter(range.start);
    let first = entries.partition_point(|&entry| entry < range.start);
    for &entry in entries[first..]
        .iter()
        .take_while(|&&entry| entry < range.end)
    {
        flow.enter(entry);
    }
    if let Some(table) = function.exceptions.and_then(|at| image.data(at)) {
        for pad in landing_pads::landing_pads(table, range.start) {
            flow.land(pad);
        }
    }
    Some(flow)
}

struct Scan<'a> {
    image: &'a Image<'a>,
    sites: Sites,
    /// Addresses of candidates of which nothing is known yet.
    open: Vec<u64>,
}

impl Scan<'_> {
    /// Decide what a flow knows.
    fn take(&mut self, flow: &Flow<'_>, calls: &[u64]) {
        let range = flow.range();
        let part = |addresses: &[u64]| {
            let first = addresses.partition_point(|&address| address < range.start);
            let last = addresses.partition_point(|&address| address < range.end);
            first..last
        };
        let open = part(&self.open);
        let mut left = Vec::new();
        for &candidate in &self.open[open.clone()] {
            match flow.verdict(candidate) {
                Verdict::Instruction { address, kind } => {
                    if let Some(file_offset) = self.image.file_offset(address) {
                        self.sites.instructions.push(InstructionSite {
                            file_offset,
                            kind,
                            is_proven: true,
                        });
                    }
                }
                Verdict::Other => {}
                Verdict::Unreached => left.push(candidate),
            }
        }
        self.open.splice(open, left);
        for &address in &calls[part(calls)] {
            let site = flow.system_call(address);
            if let Some((site, file_offset)) = site.zip(self.image.file_offset(address)) {
                self.sites.calls.push(KnownCall {
                    file_offset,
                    follows_mov: site.follows_mov,
                    precedes_compare: site.precedes_compare,
                });
            }
        }
    }

    /// What the bytes around a candidate say it is: offset in the file and kind.
    fn plausible(&self, candidate: u64) -> Option<(u64, u16)> {
        self.image.pieces().iter().find_map(|piece| {
            let at = usize::try_from(candidate.checked_sub(piece.address)?).ok()?;
            let code = self.image.bytes(piece);
            let (start, kind) = code
                .get(at)
                .and_then(|_| plausible::instruction_at(code, at))?;
            Some(((piece.bytes.start + start) as u64, kind))
        })
    }

    /// What is left is suspected where it looks like an instruction between others.
    fn suspect(&mut self) {
        for &candidate in &self.open {
            // Nearly all that look like `xbegin` are data, and few places can be watched.
            let is_watched = |found: &(u64, u16)| found.1 != instruction::XBEGIN;
            if let Some((file_offset, kind)) = self.plausible(candidate).filter(is_watched) {
                self.sites.instructions.push(InstructionSite {
                    file_offset,
                    kind,
                    is_proven: false,
                });
            }
        }
    }
}

/// Name of a kind of site, as an assembler spells it.
pub fn name(kind: u16) -> &'static str {
    instruction::name(kind).unwrap_or("unknown")
}
