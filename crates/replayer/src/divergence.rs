//! What the log expects and what the replay found instead.

use alloc::string::String;

use reenact_trace::{EventHeader, EventKind, Registers};

use crate::error::ReplayError;
use crate::report;

/// In what the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    Kind,
    InstructionPointer,
    Number,
    Arguments,
    Registers,
    Memory,
    Output,
    Missing,
    Unsupported,
    Runaway,
    State,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Kind => "kind",
            What::InstructionPointer => "ip",
            What::Number => "number",
            What::Arguments => "arguments",
            What::Registers => "registers",
            What::Memory => "memory",
            What::Output => "output",
            What::Missing => "missing",
            What::Unsupported => "unsupported",
            What::Runaway => "runaway",
            What::State => "state",
        }
    }
}

/// What the replay came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    pub kind: &'static str,
    pub code: u64,
    pub ip: u64,
    pub args: [u64; 6],
    pub checksum: u64,
}

/// A replay that goes another way than the recording.
#[derive(Clone, Debug)]
pub struct Divergence {
    pub what: What,
    pub message: String,
    pub expected: EventHeader,
    pub expected_index: u64,
    pub found: Found,
    pub registers: Registers,
    pub tid: u32,
    /// Instructions since the last event, where they were counted.
    pub instructions: Option<u64>,
    /// For [`What::Memory`]: address and length.
    pub range: Option<(u64, u64)>,
}

impl Divergence {
    /// Send the `divergence` line.
    pub fn report(&self) {
        let mut line = report::line("divergence");
        line.optional("instructions", self.instructions)
            .number("tid", u64::from(self.tid))
            .text("what", self.what.name())
            .hexadecimal("ip", self.registers.rip)
            .text("message", &self.message);
        if let Some((address, length)) = self.range {
            line.hexadecimal("address", address)
                .number("length", length)
                .optional("first_bad_page", None::<u64>);
        }
        let expected = &self.expected;
        line.object("expected", |line| {
            let kind = EventKind::from_u8(expected.kind).map_or("?", EventKind::name);
            line.number("event", self.expected_index)
                .text("kind", kind)
                .number("code", u64::from(expected.code))
                .number("tid", u64::from(expected.tid))
                .hexadecimal("ip", expected.ip)
                .hexadecimals("args", &{ expected.args })
                .hexadecimal("checksum", expected.register_checksum);
        });
        let found = &self.found;
        line.object("found", |line| {
            line.text("kind", found.kind)
                .number("code", found.code)
                .hexadecimal("ip", found.ip)
                .hexadecimals("args", &found.args)
                .hexadecimal("checksum", found.checksum);
        });
        report::registers(&mut line, "registers", &self.registers);
        report::send(&mut line);
    }
}

/// Why a step of the replay failed.
pub enum Failure {
    Replay(ReplayError),
    Divergence(alloc::boxed::Box<Divergence>),
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        Failure::Replay(error)
    }
}
