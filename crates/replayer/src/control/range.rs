//! Code that a step by line runs through, or looks back over.

use crate::machine::Machine;

/// A range of code, as one thread executes it.
#[derive(Clone, Copy, Debug)]
pub struct CodeRange {
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// The thread that is meant.
    pub tid: u32,
    /// The run goes on outside of it: the last place there is remembered.
    pub is_sought: bool,
}

impl CodeRange {
    /// Whether the run ends here.
    pub fn is_left(&self, machine: &Machine) -> bool {
        !self.is_sought && (!self.contains(machine) || !self.is_of(machine))
    }

    /// Whether the thread that is meant is about to execute other code.
    pub fn is_outside(&self, machine: &Machine) -> bool {
        self.is_of(machine) && !self.contains(machine)
    }

    fn contains(&self, machine: &Machine) -> bool {
        (self.start..self.end).contains(&machine.registers().rip)
    }

    fn is_of(&self, machine: &Machine) -> bool {
        machine.threads.current == Some(self.tid)
    }
}
