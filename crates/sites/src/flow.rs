//! What the flow of control reaches in a range of code, from where it is entered.
//!
//! Ways are followed through direct branches, past calls, and through the tables of `switch` statements. What begins
//! behind a call, in a table or at a landing pad is a *leg*: one on which something is met that is no
//! instruction was none, and with it what was first reached from it.

use std::collections::BTreeMap;
use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::branch::{self, Next};
use crate::history::History;
use crate::image::Image;
use crate::jump_tables::{Bases, JumpTable};
use crate::kinds;
use crate::returns::{self, Outcome, Returns};

/// An instruction begins at this byte.
const FIRST: u8 = 1;
/// The byte belongs to an instruction that begins before it.
const INSIDE: u8 = 2;
/// A branch or an entry leads to this byte.
const TARGET: u8 = 4;

/// Instructions of a range that are followed, at most: of generated code of some megabytes.
const MOST: usize = 4 << 20;

/// What is known about the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It holds one function.
    Function,
    /// It lies between functions, and no way that is right leads to its end.
    Gap,
}

struct Leg {
    parent: usize,
    is_wrong: bool,
}

struct Way {
    address: u64,
    leg: usize,
    history: History,
}

/// An instruction of interest that was reached.
#[derive(Clone, Copy, Debug)]
struct Found {
    length: u64,
    /// `None`: a system call.
    kind: Option<u16>,
    leg: usize,
}

/// What is reached in a range.
pub struct Flow<'a> {
    image: &'a Image<'a>,
    returns: &'a Returns<'a>,
    range: Range<u64>,
    extent: Extent,
    code: &'a [u8],
    marks: Vec<u8>,
    legs: Vec<Leg>,
    ways: Vec<Way>,
    found: BTreeMap<u64, Found>,
    bases: Bases,
    /// Where direct calls and branches lead outside the range.
    outside: Vec<u64>,
    left: usize,
}

/// What is known of the bytes at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An instruction of this kind begins at `address`, and belongs to no other one.
    Instruction { address: u64, kind: u16 },
    /// Other instructions lie there.
    Other,
    /// No way leads there, or only a doubtful one.
    Unreached,
}

impl<'a> Flow<'a> {
    /// `None` when the range holds no code of the file.
    pub fn new(
        image: &'a Image<'a>,
        returns: &'a Returns<'a>,
        range: Range<u64>,
        extent: Extent,
    ) -> Option<Flow<'a>> {
        let code = image.code(range.start)?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let code = code.get(..length).unwrap_or(code);
        Some(Flow {
            image,
            returns,
            range: range.start..range.start + code.len() as u64,
            extent,
            code,
            marks: vec![0; code.len()],
            legs: vec![Leg {
                parent: 0,
                is_wrong: false,
            }],
            ways: Vec::new(),
            found: BTreeMap::new(),
            bases: Bases::default(),
            outside: Vec::new(),
            left: MOST,
        })
    }

    /// The addresses it is about.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Follow the ways from an entry.
    pub fn enter(&mut self, address: u64) {
        self.branch(address, 0, History::default());
        self.follow();
    }

    /// Follow the ways from a landing pad.
    pub fn land(&mut self, address: u64) {
        let leg = self.leg(0);
        self.branch(address, leg, History::default());
        self.follow();
    }

    /// Where direct calls and branches lead outside the range, since the last question.
    pub fn take_outside(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.outside)
    }

    fn leg(&mut self, parent: usize) -> usize {
        let is_wrong = false;
        self.legs.push(Leg { parent, is_wrong });
        self.legs.len() - 1
    }

    fn offset(&self, address: u64) -> Option<usize> {
        let is_inside = self.range.contains(&address);
        is_inside.then(|| (address - self.range.start) as usize)
    }

    fn branch(&mut self, address: u64, leg: usize, history: History) {
        match self.offset(address) {
            Some(at) => {
                self.marks[at] |= TARGET;
                self.ways.push(Way {
                    address,
                    leg,
                    history,
                });
            }
            None => self.outside.push(address),
        }
    }

    fn follow(&mut self) {
        while let Some(way) = self.ways.pop() {
            self.walk(way);
        }
    }

    /// Go on from one place until the way is known, or ends.
    fn walk(&mut self, way: Way) {
        let Way {
            address,
            mut leg,
            mut history,
        } = way;
        let Some(start) = self.offset(address) else {
            return;
        };
        let mut decoder = Decoder::with_ip(64, &self.code[start..], address, DecoderOptions::NONE);
        while decoder.can_decode() && self.left > 0 {
            let at = (decoder.ip() - self.range.start) as usize;
            if self.marks[at] & FIRST != 0 {
                return;
            }
            if leg != 0 && self.is_torn(at) {
                self.legs[leg].is_wrong = true;
                return;
            }
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                self.legs[leg].is_wrong = true;
                return;
            }
            self.left -= 1;
            self.mark(at, instruction.len());
            self.note(&instruction, leg);
            match branch::next(&instruction) {
                Next::Following => {}
                Next::Either(target) => self.branch(target, leg, history.branch()),
                Next::Jump(target) => return self.branch(target, leg, history),
                Next::Call(target) => {
                    self.branch(target, leg, History::default());
                    let Some(next) = self.behind_call(leg, self.returns.of(target)) else {
                        return;
                    };
                    leg = next;
                }
                Next::CallPointer => {
                    let outcome = self.returns.through_pointer(&instruction);
                    let Some(next) = self.behind_call(leg, outcome) else {
                        return;
                    };
                    leg = next;
                }
                Next::SystemCall => {
                    let outcome = returns::of_system_call(history.last());
                    let Some(next) = self.behind_call(leg, outcome) else {
                        return;
                    };
                    leg = next;
                }
                Next::JumpPointer => return self.switch(&instruction, &history, leg),
                Next::Nothing => return,
            }
            history.push(instruction);
        }
        if self.extent == Extent::Gap {
            self.legs[leg].is_wrong = true;
        }
    }

    /// Whether the byte lies in the middle of an instruction, not just behind a `lock` that is jumped over.
    fn is_torn(&self, at: usize) -> bool {
        const LOCK: u8 = 0xf0;
        let is_behind_lock = at > 0 && self.code[at - 1] == LOCK && self.marks[at - 1] & FIRST != 0;
        self.marks[at] & INSIDE != 0 && !is_behind_lock
    }

    /// The leg behind a call, if what follows it is code.
    fn behind_call(&mut self, leg: usize, outcome: Outcome) -> Option<usize> {
        match outcome {
            Outcome::Returns => Some(leg),
            Outcome::Unknown => Some(self.leg(leg)),
            Outcome::Never => None,
        }
    }

    fn mark(&mut self, at: usize, length: usize) {
        self.marks[at] |= FIRST;
        let end = (at + length).min(self.marks.len());
        for mark in self.marks.get_mut(at + 1..end).unwrap_or_default() {
            *mark |= INSIDE;
        }
    }

    fn note(&mut self, instruction: &Instruction, leg: usize) {
        self.bases.note(instruction);
        let kind = kinds::of(instruction);
        if kind.is_some() || kinds::is_system_call(instruction) {
            let length = instruction.len() as u64;
            let found = Found { length, kind, leg };
            self.found.insert(instruction.ip(), found);
        }
    }

    /// Follow a jump by a table.
    fn switch(&mut self, jump: &Instruction, history: &History, leg: usize) {
        let Some(table) = JumpTable::of(jump, history.last(), &self.bases) else {
            return;
        };
        let Some(bytes) = self.image.data(table.address) else {
            return;
        };
        let leg = self.leg(leg);
        for index in 0.. {
            let Some(target) = table.entry(bytes, index) else {
                return;
            };
            match self.offset(target) {
                // Something else begins before the end of a table whose length is not known.
                Some(at)
                    if table.bound.is_none() && self.marks[at] & (FIRST | INSIDE) == INSIDE =>
                {
                    return
                }
                None if table.bound.is_none() => return,
                _ => self.branch(target, leg, History::default()),
            }
        }
    }

    fn is_doubtful(&self, mut leg: usize) -> bool {
        loop {
            if self.legs[leg].is_wrong {
                return true;
            }
            if leg == 0 {
                return false;
            }
            // A leg begins after its parent.
            leg = self.legs[leg].parent;
        }
    }

    /// What lies at an address.
    pub fn verdict(&self, address: u64) -> Verdict {
        let Some(at) = self.offset(address) else {
            return Verdict::Unreached;
        };
        let around = self
            .found
            .range(address.saturating_sub(LONGEST - 1)..=address);
        let mut covering = around.filter(|(&start, found)| start + found.length > address);
        if let Some((&address, found, kind)) =
            covering.find_map(|(start, found)| Some((start, found, found.kind?)))
        {
            let first = (address - self.range.start) as usize;
            if self.marks[first] & INSIDE != 0 {
                return Verdict::Other;
            }
            if self.is_doubtful(found.leg) {
                return Verdict::Unreached;
            }
            return Verdict::Instruction { address, kind };
        }
        if self.marks[at] & (FIRST | INSIDE) != 0 {
            Verdict::Other
        } else {
            Verdict::Unreached
        }
    }

    /// Whether `length` bytes from `address` on are one instruction, and none else.
    fn is_whole(&self, address: u64, length: usize) -> bool {
        let Some(at) = self.offset(address) else {
            return false;
        };
        let Some(marks) = self.marks.get(at..at + length) else {
            return false;
        };
        let ends = self
            .marks
            .get(at + length)
            .is_none_or(|next| next & INSIDE == 0);
        ends && marks[0] & (FIRST | INSIDE) == FIRST
            && marks[1..].iter().all(|&mark| mark == INSIDE)
    }

    /// Whether a system call instruction is at `address`, and begins no other way than from before it.
    pub fn system_call(&self, address: u64) -> Option<SystemCall> {
        let found = self.found.get(&address)?;
        if found.kind.is_some() {
            return None;
        }
        let is_call = self.is_whole(address, SYSCALL) && !self.is_doubtful(found.leg);
        let behind = address + SYSCALL as u64;
        let is_target = |address| {
            let at = self.offset(address);
            at.is_none_or(|at| self.marks[at] & TARGET != 0)
        };
        is_call.then(|| SystemCall {
            follows_mov: address
                .checked_sub(MOV as u64)
                .is_some_and(|mov| self.is_whole(mov, MOV)),
            precedes_compare: self.is_whole(behind, COMPARE) && !is_target(behind),
        })
    }
}

/// Bytes of the longest instruction.
const LONGEST: u64 = 15;
const SYSCALL: usize = 2;
/// `mov eax, imm32`.
const MOV: usize = 5;
/// `cmp rax, imm32`.
const COMPARE: usize = 6;

/// What surrounds a system call instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// An instruction of five bytes lies before it, and no way leads into it.
    pub follows_mov: bool,
    /// One of six bytes lies behind it, and no way leads to it or into it but from the call.
    pub precedes_compare: bool,
}
