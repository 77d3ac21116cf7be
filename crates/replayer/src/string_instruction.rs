//! Landings inside a repeated string instruction (`rep movs` and its like): the processor takes
//! interrupts between the rounds, with rcx, rsi and rdi advanced and rip still at the instruction.

use reenact_trace::Registers;
use reenact_translator::Stop;

use crate::machine::Machine;

/// Longest instruction.
const MOST_BYTES: usize = 15;

/// A repeated string instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringInstruction {
    /// Bytes per round.
    size: u64,
    uses_source: bool,
    uses_destination: bool,
}

impl StringInstruction {
    /// The instruction at `ip`, if it is one.
    pub fn at(machine: &Machine, ip: u64) -> Option<StringInstruction> {
        let mut bytes = [0u8; MOST_BYTES];
        let mut length = MOST_BYTES;
        while machine
            .memory
            .read_original(ip, &mut bytes[..length])
            .is_err()
        {
            length = length.checked_sub(1).filter(|&length| length > 1)?;
        }
        StringInstruction::decode(&bytes[..length])
    }

    fn decode(bytes: &[u8]) -> Option<StringInstruction> {
        let (mut is_repeated, mut is_wide, mut is_short) = (false, false, false);
        for &byte in bytes {
            match byte {
                0xf2 | 0xf3 => is_repeated = true,
                0x66 => is_short = true,
                0x40..=0x4f => is_wide = byte & 8 != 0,
                0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 => {}
                0xa4..=0xa7 | 0xaa..=0xaf if is_repeated => {
                    let size = match (byte & 1, is_wide, is_short) {
                        (0, ..) => 1,
                        (_, true, _) => 8,
                        (_, _, true) => 2,
                        _ => 4,
                    };
                    // movs, cmps, lods read from rsi; lods alone leaves rdi.
                    let uses_source = matches!(byte, 0xa4..=0xa7 | 0xac | 0xad);
                    let uses_destination = !matches!(byte, 0xac | 0xad);
                    return Some(StringInstruction {
                        size,
                        uses_source,
                        uses_destination,
                    });
                }
                _ => return None,
            }
        }
        None
    }

    /// Rounds from `found` to `target`, if these can be states of one execution.
    fn rounds(&self, found: &Registers, target: &Registers) -> Option<u64> {
        const DIRECTION: u64 = 1 << 10;
        let rounds = found
            .rcx
            .checked_sub(target.rcx)
            .filter(|&rounds| rounds > 0)?;
        let mut distance = rounds.wrapping_mul(self.size);
        if found.rflags & DIRECTION != 0 {
            distance = distance.wrapping_neg();
        }
        let fits = |is_used: bool, from: u64, to: u64| {
            to.wrapping_sub(from) == if is_used { distance } else { 0 }
        };
        (fits(self.uses_source, found.rsi, target.rsi)
            && fits(self.uses_destination, found.rdi, target.rdi))
        .then_some(rounds)
    }

    /// The machine is at the instruction: if `target` can be a state in the midst of it, run the
    /// rounds up to there. What follows is the same with or without this.
    pub fn advance(&self, machine: &mut Machine, target: &Registers) {
        let before = *machine.registers();
        if target.rcx == 0 {
            return;
        }
        let Some(rounds) = self.rounds(&before, target) else {
            return;
        };
        let executed = machine.translator.executed();
        machine.registers_mut().rcx = rounds;
        let stop = machine.run_past_watch(1);
        let left = machine.registers().rcx;
        machine.registers_mut().rcx = before.rcx - rounds + left;
        // A comparison may have ended it early, or a fault interrupted it.
        if stop == Stop::Budget && left == 0 {
            machine.registers_mut().rip = before.rip;
            // The instruction counts once, when its last round is done.
            machine.translator.set_executed(executed);
        }
    }
}
