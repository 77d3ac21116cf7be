//! Instructions whose results are recorded, and that come again and again, as in a program that reads the time stamp in a
//! loop. The program's own code is stopped at each by a signal, which takes some microseconds; translated code has it for a
//! twentieth of that, once it has been translated.

use reenact_trace::EventKind;

use crate::feed::Group;

/// The way there took no longer in the recording, in ticks of the time-stamp counter. That is some microseconds, of which the
/// recorder's own stop at the instruction took most.
const SHORT_TICKS: u64 = 20_000;
/// So often has a place to be come to by short ways until it is regarded as frequent.
const OFTEN: u8 = 64;
const PLACES: usize = 64;

/// How often places of instructions were come to.
#[derive(Clone, Copy, Debug)]
pub struct FrequentInstructions([(u64, u8); PLACES]);

impl Default for FrequentInstructions {
    fn default() -> FrequentInstructions {
        FrequentInstructions([(0, 0); PLACES])
    }
}

impl FrequentInstructions {
    /// Whether an event is such an instruction at the end of a short way. `ticks`: since the event before, in the recording.
    pub fn is_next(&mut self, group: &Group<'_>, ticks: Option<u64>) -> bool {
        let header = &group.event.header;
        let is_short = ticks.is_some_and(|ticks| ticks <= SHORT_TICKS);
        if group.event.kind != EventKind::Instruction || !is_short {
            return false;
        }
        let ip = header.ip;
        let mixed = ip.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = &mut self.0[(mixed >> 58) as usize % PLACES];
        if place.0 != ip {
            *place = (ip, 0);
        }
        place.1 = place.1.saturating_add(1);
        place.1 > OFTEN
    }
}
