//! The processor's breakpoint registers, of which the kernel lets us have four: breakpoints and watched memory while the
//! program's own code runs.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_interpose::execution_watch::{self, Access, Watch as Register};
use reenact_trace::layout::WATCHES_ADDRESS;
use reenact_translator::Watch;

/// Most bytes of one register.
const MOST_BYTES: u64 = 8;

/// Those that are in use.
#[derive(Default)]
pub struct DebugRegisters {
    count: usize,
}

impl DebugRegisters {
    /// Have the processor tell of all of these; false: it cannot.
    pub fn begin(&mut self, breakpoints: &[u64], watches: &[Register]) -> bool {
        self.end();
        let breakpoints = breakpoints.iter().map(|&at| Register::execution(at));
        for register in breakpoints.chain(watches.iter().copied()) {
            // SAFETY: a page of our region that nothing else in a replayer is at.
            let is_begun = self.count < execution_watch::MOST
                && unsafe { execution_watch::begin(register, place(self.count)) } >= 0;
            if !is_begun {
                self.end();
                return false;
            }
            self.count += 1;
        }
        true
    }

    /// It tells of nothing any more.
    pub fn end(&mut self) {
        while self.count > 0 {
            self.count -= 1;
            // SAFETY: begun above.
            unsafe { execution_watch::end(place(self.count)) };
        }
    }
}

fn place(index: usize) -> u64 {
    WATCHES_ADDRESS + index as u64 * n::PAGE
}

/// The registers that watches take; `None`: more than there are.
pub fn registers_of(watches: &[Watch]) -> Option<Vec<Register>> {
    let mut wanted = Vec::new();
    watches
        .iter()
        .all(|watch| add_pieces(&mut wanted, watch))
        .then_some(wanted)
}

/// What a register can watch is aligned to its size. Whether there are not too many pieces; each tells where its watch begins.
fn add_pieces(wanted: &mut Vec<Register>, watch: &Watch) -> bool {
    let access = match watch.access {
        Watch::WRITE => Access::Write,
        // The processor does not tell reads from writes.
        _ => Access::ReadOrWrite,
    };
    let mut at = watch.start;
    while at < watch.end {
        if wanted.len() >= execution_watch::MOST {
            return false;
        }
        let mut length = MOST_BYTES;
        while !at.is_multiple_of(length) || length > watch.end - at {
            length /= 2;
        }
        wanted.push(Register {
            address: at,
            length,
            access,
            signal_data: at,
        });
        at += length;
    }
    true
}
