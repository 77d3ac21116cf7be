//! Finds the place in the middle of computation where a signal was taken: the recording has the
//! registers and checksums of the memory there. Execution is deterministic from the last event
//! on, so that state occurs; if it occurs twice the program is in a loop that only outside input
//! ends, and either place is right.

use alloc::string::String;
use alloc::vec::Vec;

use reenact_trace::checksum::checksum;
use reenact_trace::event::flags;
use reenact_trace::registers::USER_FLAGS;
use reenact_trace::{EventKind, Registers, Tag};
use reenact_translator::{Landing, Place, Stop};

use crate::divergence::{Failure, What};
use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;
use crate::matching;
use crate::pace::Pace;
use crate::string_instruction::StringInstruction;
use crate::vectors_at_landing::ExpectedVectors;

/// Address of the attachment with the interrupted registers.
const INTERRUPTED: u64 = 1;

/// Whether the event's place has to be searched for.
pub fn is_landing(group: &Group<'_>) -> bool {
    group.event.kind == EventKind::Preempted
        || group.event.kind == EventKind::SignalDelivered
            && group.event.header.flags & (flags::IMMEDIATE | flags::AT_SYSCALL_ENTRY) == 0
}

/// A range of memory and its checksum at the landing.
struct Range<'a> {
    address: u64,
    length: u64,
    checksum: u64,
    /// What it contained; empty when the recording does not say.
    expected: &'a [u8],
}

/// What is being searched for, and what has been learnt on the way.
struct Search<'a> {
    target: Registers,
    /// The instruction there, if it can be interrupted in its midst.
    string: Option<StringInstruction>,
    ranges: Vec<Range<'a>>,
    /// The vector registers; nothing in traces that do not have them.
    vectors: Option<ExpectedVectors<'a>>,
    content: Vec<u8>,
    /// For each register, how often it told a wrong place from the right one lately.
    misses: [u32; 16],
    /// A word and its value by which the last wrong place with the right registers differed.
    word: Option<(Place, u64)>,
    /// Whether vector registers told the last wrong place, so that they are looked at first.
    by_vectors: bool,
    /// Stops at the address, in another state.
    wrong_places: u32,
    /// Stops where the general registers agreed, and where memory was last found different there.
    nearly: u32,
    different: u64,
    /// The word there, and what it should be, where the recording says.
    words: Option<(u64, u64)>,
}

/// Wrong places seen before choosing the register that is compared inline.
const SAMPLE: u32 = 32;
const RAX: usize = 0;
const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;

/// Run to the landing.
pub fn run(machine: &mut Machine, group: &Group<'_>, pace: &mut Pace) -> Result<(), Failure> {
    let ip = group.event.header.ip;
    let target = group
        .attachments()
        .find(|attachment| attachment.tag == Tag::Registers && attachment.address == INTERRUPTED)
        .and_then(|attachment| Registers::from_bytes(attachment.payload))
        .filter(|target| target.rip == ip)
        .ok_or(ReplayError::BadEvent("a landing without registers"))?;
    let mut search = Search {
        target: comparable(&target),
        string: StringInstruction::at(machine, ip),
        ranges: ranges(group)?,
        vectors: ExpectedVectors::of(group),
        content: Vec::new(),
        misses: [0; 16],
        word: None,
        by_vectors: false,
        wrong_places: 0,
        nearly: 0,
        different: 0,
        words: None,
    };
    let (index, time) = (group.index, group.event.header.time);
    if let Some(count) = pace.landings.find(index, time) {
        return search.run_counted(machine, group, pace, count);
    }
    machine.forget_counted_places(|_| true);
    let had_hook = machine.has_hook(ip);
    if !had_hook {
        machine.translator.add_hook(ip);
    }
    machine.set_searched(Some(ip));
    pace.begin_search(time);
    let found = search.run(machine, group, pace, had_hook);
    pace.end_search();
    machine.set_searched(None);
    if !machine.has_hook(ip) {
        machine.translator.remove_hook(ip);
    }
    machine.translator.set_landing(None);
    if found.is_ok() {
        pace.landings.found(index, time, machine.since_event());
    }
    found
}

impl Search<'_> {
    /// Run to where the landing was found before, and check the whole state there.
    fn run_counted(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        pace: &mut Pace,
        count: u64,
    ) -> Result<(), Failure> {
        pace.begin_search(group.event.header.time);
        let stop = pace.run_counted(machine, group, count);
        pace.end_search();
        let stop = stop?;
        if stop == Stop::Budget && machine.since_event() == count {
            if let Some(string) = self.string {
                string.advance(machine, &self.target);
            }
            if self.is_here(machine) {
                return Ok(());
            }
        }
        let message = alloc::format!(
            "the program was interrupted at {:#x} in the middle of computation, {count} instructions \
             after the event before as the trace's file `landings` says, and the replay has \
             another state there; make that file empty, and the place is searched for again",
            self.target.rip
        );
        Err(matching::diverged(
            machine,
            group,
            &stop,
            What::Missing,
            message,
        ))
    }

    fn run(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        pace: &mut Pace,
        had_hook: bool,
    ) -> Result<(), Failure> {
        let mut stop = pace.run(machine, group)?;
        loop {
            let is_there = stop == Stop::Hook && machine.registers().rip == self.target.rip;
            if !is_there || pace.has_passed(machine) {
                let message = self.explain(machine.processor.asked);
                return Err(matching::diverged(
                    machine,
                    group,
                    &stop,
                    What::Missing,
                    message,
                ));
            }
            if let Some(string) = self.string {
                string.advance(machine, &self.target);
            }
            if self.is_here(machine) {
                return Ok(());
            }
            self.wrong_places += 1;
            if self.wrong_places.is_multiple_of(SAMPLE) {
                self.choose(machine, had_hook);
            }
            stop = pace.run_past_hook(machine, group)?;
        }
    }

    fn explain(&self, cpuid_answered: bool) -> String {
        let mut text = alloc::format!(
            "the program was interrupted at {:#x} in the middle of computation, and the replay \
             does not come there in the state of the recording ({} looks",
            self.target.rip,
            self.wrong_places
        );
        if self.nearly > 0 {
            text += &alloc::format!("; {} times all general registers were right", self.nearly);
        }
        if self.by_vectors {
            text += ", last with other vector registers";
        } else if self.different != 0 {
            text += &alloc::format!(", last with other memory at {:#x}", self.different);
            if let Some((found, expected)) = self.words {
                text += &alloc::format!(": {found:#x} instead of {expected:#x}");
            }
        }
        text += ")";
        if cpuid_answered {
            text += "; CPUID at a place the recorder does not know was answered from the \
                     manifest: fields with the processor's number may differ";
        }
        text
    }

    /// Compare inline what has told the most wrong places: a register, or a word of memory.
    fn choose(&mut self, machine: &mut Machine, had_hook: bool) {
        if self.string.is_some() {
            // These change from round to round of the instruction.
            self.misses[RCX] = 0;
            (self.misses[RAX], self.misses[RSI], self.misses[RDI]) = (0, 0, 0);
        }
        let best = (0..16)
            .max_by_key(|&register| self.misses[register])
            .unwrap_or(0);
        let by_register = self.misses[best] > 0;
        self.misses = [0; 16];
        // In the midst of a string instruction memory is not yet what it will be.
        let word = self.word.take().filter(|_| self.string.is_none());
        if had_hook {
            return;
        }
        let (place, value) = match word {
            _ if by_register => {
                let value = in_machine_order(&self.target)[best];
                (Place::Register(best as u8), value)
            }
            Some(word) => word,
            None => return,
        };
        let address = self.target.rip;
        if machine.has_hook(address) {
            // A client has set a breakpoint here meanwhile.
            return;
        }
        let landing = Landing {
            address,
            place,
            value,
        };
        machine.translator.remove_hook(address);
        machine.translator.set_landing(Some(landing));
    }

    fn is_here(&mut self, machine: &mut Machine) -> bool {
        let found = comparable(machine.registers());
        if found != self.target {
            let pairs = in_machine_order(&found)
                .into_iter()
                .zip(in_machine_order(&self.target));
            for (register, (found, target)) in pairs.enumerate() {
                self.misses[register] += u32::from(found != target);
            }
            return false;
        }
        // What told the last wrong place is looked at first.
        let is_it = (!self.by_vectors || self.has_vectors(machine))
            && self.has_memory(machine)
            && self.has_vectors(machine);
        self.nearly += u32::from(!is_it);
        is_it
    }

    fn has_vectors(&mut self, machine: &mut Machine) -> bool {
        let Some(vectors) = &self.vectors else {
            return true;
        };
        match vectors.compare(&mut machine.translator) {
            Ok(()) => true,
            Err(word) => {
                self.word = word;
                self.by_vectors = true;
                false
            }
        }
    }

    fn has_memory(&mut self, machine: &Machine) -> bool {
        for index in 0..self.ranges.len() {
            let range = &self.ranges[index];
            self.content.resize(range.length as usize, 0);
            let is_readable = machine
                .memory
                .read(range.address, &mut self.content)
                .is_ok();
            let word = first_difference(&self.content, range.expected);
            if word.is_some() || !is_readable || checksum(&self.content) != range.checksum {
                self.word =
                    word.map(|(offset, value)| (Place::Memory(range.address + offset), value));
                self.by_vectors = false;
                self.different = word.map_or(range.address, |(offset, _)| range.address + offset);
                self.words = word.map(|(offset, expected)| {
                    (word_of(&self.content[offset as usize..][..8]), expected)
                });
                // What differed once differs again: look there first, and then where others did.
                self.ranges[..=index].rotate_right(1);
                return false;
            }
        }
        true
    }
}

/// The first word that differs: its offset, and what is expected there.
fn first_difference(found: &[u8], expected: &[u8]) -> Option<(u64, u64)> {
    if expected.is_empty() || found == expected {
        return None;
    }
    let words = found.chunks_exact(8).zip(expected.chunks_exact(8));
    words
        .enumerate()
        .find(|(_, (found, expected))| found != expected)
        .map(|(index, (_, expected))| (index as u64 * 8, word_of(expected)))
}

fn word_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The memory checksums of the event.
fn ranges<'a>(group: &Group<'a>) -> Result<Vec<Range<'a>>, ReplayError> {
    const MOST: u64 = 1 << 30;
    let bad = ReplayError::BadEvent("a damaged memory checksum");
    let mut ranges = Vec::new();
    for attachment in group.attachments() {
        if attachment.tag != Tag::MemoryChecksum {
            continue;
        }
        let checksum = attachment
            .payload
            .get(8..16)
            .and_then(|bytes| bytes.try_into().ok());
        ranges.push(Range {
            address: attachment.address,
            length: attachment
                .value()
                .filter(|&length| length <= MOST)
                .ok_or(bad)?,
            checksum: checksum.map(u64::from_le_bytes).ok_or(bad)?,
            expected: attachment.payload.get(16..).unwrap_or(&[]),
        });
    }
    // Small ranges are quick to compare.
    ranges.sort_by_key(|range| range.length);
    Ok(ranges)
}

/// The registers a program can see.
fn comparable(registers: &Registers) -> Registers {
    let rflags = registers.rflags & USER_FLAGS;
    Registers {
        rflags,
        fs_base: 0,
        gs_base: 0,
        ..*registers
    }
}

fn in_machine_order(registers: &Registers) -> [u64; 16] {
    let r = registers;
    [
        r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12,
        r.r13, r.r14, r.r15,
    ]
}
