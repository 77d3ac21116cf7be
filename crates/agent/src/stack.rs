//! The values an expression computes with.

use crate::Problem;

/// Most values at a time. gdb asks for no more than a few.
pub const DEPTH: usize = 100;

pub(crate) struct Stack {
    values: [u64; DEPTH],
    depth: usize,
}

impl Stack {
    pub fn new() -> Stack {
        Stack {
            values: [0; DEPTH],
            depth: 0,
        }
    }

    pub fn push(&mut self, value: u64) -> Result<(), Problem> {
        let place = self.values.get_mut(self.depth).ok_or(Problem::Full)?;
        *place = value;
        self.depth += 1;
        Ok(())
    }

    pub fn pop(&mut self) -> Result<u64, Problem> {
        let value = self.pick(0)?;
        self.depth -= 1;
        Ok(value)
    }

    /// The value so many below the top.
    pub fn pick(&self, below: usize) -> Result<u64, Problem> {
        let place = self.depth.checked_sub(below + 1).ok_or(Problem::Empty)?;
        Ok(self.values[place])
    }
}
