//! Running in a branch: a copy of the process that has left the recording. No event takes
//! effect there; whatever would be one ends the run.

use reenact_freestanding::numbers as n;
use reenact_trace::{FileId, MapRecord};
use reenact_translator::Stop;

use super::message::Reason;
use super::Control;
use crate::machine::Machine;

/// What a free run came to, as the stop's detail says.
mod ended_by {
    pub const LIMIT: u64 = 0;
    pub const BREAKPOINT: u64 = 1;
    pub const SYSTEM_CALL: u64 = 2;
    pub const FAULT: u64 = 3;
    pub const INSTRUCTION: u64 = 4;
    pub const UNSUPPORTED: u64 = 5;
}

impl Control {
    /// Memory of the branch's own, filled with zeros.
    pub(super) fn map_memory(
        &mut self,
        machine: &mut Machine,
        address: u64,
        length: u64,
        protection: u64,
    ) {
        self.is_branch = true;
        let record = MapRecord {
            length,
            protection: protection as u32,
            flags: (n::MAP_PRIVATE | n::MAP_ANONYMOUS) as u32,
            file: FileId::NONE.0,
            ..MapRecord::default()
        };
        let Machine {
            memory, translator, ..
        } = machine;
        match memory.map(translator, address, &record) {
            Ok(()) => self.send_data(|_| {}),
            Err(_) => self.refuse("memory cannot be mapped there"),
        }
    }

    /// Run at most `limit` instructions without events.
    pub(super) fn run_free(&mut self, machine: &mut Machine, limit: u64) {
        self.is_branch = true;
        let begin = machine.total_instructions();
        let mut past = true;
        let detail = loop {
            let done = machine.total_instructions() - begin;
            let rest = limit.saturating_sub(done).min(1 << 40);
            let stop = if core::mem::take(&mut past) {
                machine.run_past_watch(rest)
            } else {
                machine.run(rest)
            };
            break match stop {
                Stop::Interrupted => continue,
                Stop::Watch(..) => {
                    past = true;
                    continue;
                }
                Stop::Instruction(which) if machine.answer(&which) => continue,
                Stop::Budget => [ended_by::LIMIT, 0],
                Stop::Hook => [ended_by::BREAKPOINT, machine.registers().rip],
                Stop::Syscall | Stop::Int80 => [ended_by::SYSTEM_CALL, machine.registers().rax],
                Stop::Fault(fault) => [ended_by::FAULT, fault.signal as u64],
                Stop::Instruction(which) => [ended_by::INSTRUCTION, u64::from(which.code)],
                Stop::Unsupported(_) => [ended_by::UNSUPPORTED, 0],
            };
        };
        let place = self.place(machine, Reason::Free, detail);
        self.send_stop(place);
    }
}
