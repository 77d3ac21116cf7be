//! The seccomp filters of the program's threads, in the arena's pool: installed ones are written there, and
//! asked about every call.

use core::sync::atomic::Ordering;

use reenact_filters::{
    always_allows, converted_length, run, Action, CallData, Instruction, MOST_ON_A_PATH, PENALTY,
};
use reenact_freestanding::numbers::ENOMEM;
use reenact_trace::checksum::checksum;
use reenact_trace::filter_pool::{
    take, FilterEntry, FilterProgram, FILTER_POOL_OFFSET, FILTER_UNIT, KNOWN_CALLS,
};
use reenact_trace::layout::ARENA_ADDRESS;

use crate::{arena, message};

/// `AUDIT_ARCH_X86_64`: calls by `syscall`.
pub const NATIVE: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`: calls by `int 0x80`.
pub const I386: u32 = 0x4000_0003;

fn place(number: u32) -> u64 {
    ARENA_ADDRESS + FILTER_POOL_OFFSET + u64::from(number) * FILTER_UNIT
}

fn entry(number: u32) -> &'static FilterEntry {
    // SAFETY: numbers come from `add`, whose entries do not change any more.
    unsafe { &*(place(number) as *const FilterEntry) }
}

fn program(number: u32) -> (&'static FilterProgram, &'static [Instruction]) {
    // SAFETY: as for `entry`; the instructions follow the head.
    unsafe {
        let head = &*(place(number) as *const FilterProgram);
        let first = core::ptr::from_ref(head).add(1).cast();
        (
            head,
            core::slice::from_raw_parts(first, head.length as usize),
        )
    }
}

/// The action that a thread's filters answer a call with.
pub fn judge(filters: u32, call: &CallData) -> Action {
    let index = call.number as u32 as usize;
    if call.architecture == NATIVE && index < KNOWN_CALLS {
        let known = entry(filters).always_allowed[index / 64];
        if known >> (index % 64) & 1 != 0 {
            return Action::Allow;
        }
    }
    let mut answer = Action::ALLOW;
    let mut at = filters;
    while at != 0 {
        let filter = entry(at);
        let this = run(program(filter.program).1, call);
        if Action::precedes(this, answer) {
            answer = this;
        }
        at = filter.previous;
    }
    Action::of(answer)
}

/// How many there are.
pub fn count(filters: u32) -> u64 {
    let (mut at, mut count) = (filters, 0);
    while at != 0 {
        at = entry(at).previous;
        count += 1;
    }
    count
}

/// Whether `filters` are among those that `of` consists of.
pub fn is_ancestor(filters: u32, of: u32) -> bool {
    let mut at = of;
    while at != filters && at != 0 {
        at = entry(at).previous;
    }
    at == filters
}

/// The filters of a thread that installs this program, which is valid, over those that it has. -errno.
pub fn add(previous: u32, instructions: &[Instruction]) -> Result<u32, i64> {
    let own = converted_length(instructions);
    let before = match previous {
        0 => 0,
        previous => entry(previous).cost + PENALTY,
    };
    if own + before > MOST_ON_A_PATH {
        return Err(-ENOMEM);
    }
    let (Some(program), Some(number)) = (
        keep_program(instructions),
        take_units(core::mem::size_of::<FilterEntry>() as u64),
    ) else {
        message::once(
            "the recording has no room for more seccomp filters; the program was told ENOMEM",
        );
        return Err(-ENOMEM);
    };
    let mut filter = FilterEntry {
        previous,
        program,
        cost: own + before,
        reserved: 0,
        always_allowed: [0; KNOWN_CALLS / 64],
    };
    for index in 0..KNOWN_CALLS {
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        let is_known = previous == 0 || entry(previous).always_allowed[word] & bit != 0;
        if is_known && always_allows(instructions, index as i32, NATIVE) {
            filter.always_allowed[word] |= bit;
        }
    }
    // SAFETY: units of ours.
    unsafe { (place(number) as *mut FilterEntry).write(filter) };
    Ok(number)
}

fn take_units(bytes: u64) -> Option<u32> {
    take(&arena::header().filter_units, bytes)
}

/// The program in the pool, where another thread or process may have put it.
fn keep_program(instructions: &[Instruction]) -> Option<u32> {
    /// Programs that are looked at, from the last one back.
    const LOOK_BACK: usize = 256;
    // SAFETY: plain words as bytes.
    let bytes = unsafe {
        core::slice::from_raw_parts(instructions.as_ptr().cast::<u8>(), instructions.len() * 8)
    };
    let checksum = checksum(bytes);
    let last = &arena::header().last_filter_program;
    let newest = last.load(Ordering::Acquire);
    let mut at = newest;
    for _ in 0..LOOK_BACK {
        if at == 0 {
            break;
        }
        let (head, found) = program(at);
        if head.checksum == checksum && found == instructions {
            return Some(at);
        }
        at = head.before;
    }
    let length = instructions.len() as u32;
    let mut head = FilterProgram {
        before: newest,
        length,
        checksum,
    };
    let number = take_units(core::mem::size_of::<FilterProgram>() as u64 + head.bytes())?;
    let to = place(number) as *mut FilterProgram;
    // SAFETY: units of ours, which nobody knows until `last` names them.
    unsafe {
        core::ptr::copy_nonoverlapping(instructions.as_ptr(), to.add(1).cast(), length as usize);
        loop {
            to.write(FilterProgram { ..head });
            match last.compare_exchange(head.before, number, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(number),
                Err(newer) => head.before = newer,
            }
        }
    }
}
