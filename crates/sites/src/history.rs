//! The last few instructions on the way to one.

use iced_x86::Instruction;

/// As many as lie between the comparison that bounds a jump table and its jump.
const LENGTH: usize = 10;

/// The instructions executed last, at most [`LENGTH`].
#[derive(Clone, Default)]
pub struct History {
    instructions: Vec<Instruction>,
}

impl History {
    pub fn push(&mut self, instruction: Instruction) {
        if self.instructions.len() == 2 * LENGTH {
            self.instructions.drain(..LENGTH);
        }
        self.instructions.push(instruction);
    }

    /// In order of execution.
    pub fn last(&self) -> &[Instruction] {
        let start = self.instructions.len().saturating_sub(LENGTH);
        &self.instructions[start..]
    }

    /// A copy of what is kept, for the other way at a branch.
    pub fn branch(&self) -> History {
        History {
            instructions: self.last().to_vec(),
        }
    }
}
