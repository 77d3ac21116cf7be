//! What a run tells of watched memory, in one go and instruction by instruction.

use super::machine::Machine;
use reenact_translator::{Stop, Watch};

/// An access that was told: instructions before it, the first watched byte, how.
pub type Told = (u64, u64, u8);

/// Accesses after which a comparison ends: some programs go round for long.
const MOST: usize = 20_000;

/// Run on from where the machine stands, at most so many instructions (`limit`), in pieces of `piece`; the accesses that
/// were told, and what ended it.
pub fn hits(machine: &mut Machine, limit: u64, piece: u64) -> (Vec<Told>, Stop) {
    let mut told = Vec::new();
    let mut is_past = false;
    loop {
        let left = limit - machine.translator.executed();
        if left == 0 || told.len() == MOST {
            return (told, Stop::Budget);
        }
        let most = left.min(piece);
        let stop = if is_past {
            // SAFETY: as for `Machine::run`.
            unsafe { machine.translator.run_past_watch(&mut machine.memory, most) }
        } else {
            machine.run(most)
        };
        is_past = false;
        match stop {
            Stop::Watch(address, how) => {
                told.push((machine.translator.executed(), address, how));
                is_past = true;
            }
            Stop::Budget => {}
            stop => return (told, stop),
        }
    }
}

/// Have what is watched looked for from scratch.
pub fn watch(machine: &mut Machine, watches: &[Watch]) {
    machine.translator.set_watches(watches);
    machine.translator.invalidate_all();
}
