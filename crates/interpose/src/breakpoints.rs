//! Breakpoints on instructions that are not to be executed: an `int3` in the place of the first byte.

use crate::{guarded_copy, program_code};

const BREAKPOINT: u8 = 0xcc;

/// A breakpoint in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    pub address: u64,
    /// What the instruction is, as the linking program numbers them.
    pub kind: u16,
    /// The byte that `int3` replaced.
    pub original: u8,
}

const MOST: usize = 4096;
static mut TABLE: [Breakpoint; MOST] = [Breakpoint {
    address: 0,
    kind: 0,
    original: 0,
}; MOST];
static mut COUNT: usize = 0;

fn breakpoints() -> &'static mut [Breakpoint] {
    // SAFETY: one thread at a time; COUNT never exceeds the table.
    unsafe { core::slice::from_raw_parts_mut((&raw mut TABLE).cast(), COUNT) }
}

/// Put a breakpoint on an instruction in memory that is writable now. False when there is one, of ours or the
/// program's own, or no room.
pub fn place(address: u64, kind: u16) -> bool {
    // SAFETY: code of the program.
    note(address, kind) && unsafe { guarded_copy::write(address, &[BREAKPOINT]) }
}

/// As [`place`], in code that is not writable now.
pub fn insert(address: u64, kind: u16) -> bool {
    note(address, kind) && program_code::write(address, &[BREAKPOINT])
}

/// Note a breakpoint that is about to be placed.
fn note(address: u64, kind: u16) -> bool {
    let mut original = [0u8; 1];
    if !guarded_copy::read(address, &mut original) || original[0] == BREAKPOINT {
        return false;
    }
    let new = Breakpoint {
        address,
        kind,
        original: original[0],
    };
    // Other code was there before.
    let known = breakpoints().iter_mut().find(|old| old.address == address);
    match known {
        Some(old) => *old = new,
        None => {
            // SAFETY: one thread at a time; there is room.
            unsafe {
                if COUNT == MOST {
                    return false;
                }
                COUNT += 1;
            }
            if let Some(last) = breakpoints().last_mut() {
                *last = new;
            }
        }
    }
    true
}

/// The breakpoint that has been executed: `ip` is behind it, where the trap left the program.
pub fn executed(ip: u64) -> Option<Breakpoint> {
    let address = ip.wrapping_sub(1);
    let found = breakpoints()
        .iter()
        .find(|known| known.address == address)?;
    if found.original == BREAKPOINT {
        // One of the program's tracer has taken its place.
        return None;
    }
    let mut byte = [0u8];
    // Other code may have been written there since.
    (guarded_copy::read(address, &mut byte) && byte[0] == BREAKPOINT).then_some(*found)
}

/// All there have been; other code can have been written there since.
pub fn all() -> impl Iterator<Item = Breakpoint> {
    breakpoints().iter().copied()
}

/// Put the instructions back in the place of all that are still there.
pub fn remove_all() {
    for known in breakpoints() {
        let mut byte = [0u8];
        let is_there = guarded_copy::read(known.address, &mut byte) && byte[0] == BREAKPOINT;
        if is_there && known.original != BREAKPOINT {
            known.remove();
        }
    }
}

fn inside(address: u64, length: usize) -> impl Iterator<Item = &'static mut Breakpoint> {
    let end = address.saturating_add(length as u64);
    breakpoints()
        .iter_mut()
        .filter(move |known| (address..end).contains(&known.address))
}

/// Put what was there before in the place of breakpoints in `bytes`, which were read at `address`.
pub fn show_original(address: u64, bytes: &mut [u8]) {
    for known in inside(address, bytes.len()) {
        let byte = &mut bytes[(known.address - address) as usize];
        if *byte == BREAKPOINT {
            *byte = known.original;
        }
    }
}

/// `bytes` are about to be written at `address`: breakpoints there stay, on other instructions.
pub fn keep_over(address: u64, bytes: &mut [u8]) {
    for known in inside(address, bytes.len()) {
        let byte = &mut bytes[(known.address - address) as usize];
        let mut now = [0u8];
        if guarded_copy::read(known.address, &mut now) && now[0] == BREAKPOINT {
            known.original = core::mem::replace(byte, BREAKPOINT);
        }
    }
}

impl Breakpoint {
    /// Put the instruction back.
    pub fn remove(&self) -> bool {
        program_code::write(self.address, &[self.original])
    }
}
