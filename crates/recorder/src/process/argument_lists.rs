//! The argument and environment lists of an `execve`: the program's, with ours in front and behind.

use reenact_freestanding::numbers::*;

use super::exec_target::Target;
use crate::guest;

/// A list of pointers, as the program has it.
#[derive(Clone, Copy)]
pub struct List {
    pub address: u64,
    /// Its pointers have 32 bits: those of a call by `int 0x80`.
    pub is_narrow: bool,
}

impl List {
    /// One of its pointers.
    fn pointer(self, index: usize) -> Option<u64> {
        let index = index as u64;
        if !self.is_narrow {
            return guest::read_u64(self.address + index * 8);
        }
        let mut bytes = [0; 4];
        guest::read(self.address + index * 4, &mut bytes)
            .then(|| u64::from(u32::from_le_bytes(bytes)))
    }
}

/// How many pointers a list has before its null pointer; -errno when it cannot be read or is too long.
pub fn count_pointers(list: List) -> Result<usize, i64> {
    if list.address == 0 {
        return Ok(0);
    }
    let mut count = 0;
    while list.pointer(count).ok_or(-EFAULT)? != 0 {
        count += 1;
        if count > 1 << 20 {
            return Err(-7); // E2BIG
        }
    }
    Ok(count)
}

/// The lists that the recorder's next image is executed with.
pub struct Lists {
    pub at: u64,
    pub argv: List,
    pub arguments: usize,
    pub envp: List,
    pub environment: usize,
    pub variable: u64,
}

impl Lists {
    /// Write the new argument and environment lists; their addresses.
    pub fn build(&self, target: &Target) -> (u64, u64) {
        let mut at = self.at;
        let mut push = |value: u64| {
            // SAFETY: the scratch memory was sized for all of them.
            unsafe { (at as *mut u64).write(value) };
            at += 8;
        };
        let mut first = 0;
        if target.is_script {
            for extra in &target.extra[..target.extra_count] {
                push(extra.as_ptr() as u64);
            }
            first = 1;
        } else if self.arguments == 0 {
            // The kernel adds an empty argv[0] when there is none.
            push(c"".as_ptr() as u64);
        }
        for index in first..self.arguments {
            push(self.argv.pointer(index).unwrap_or(0));
        }
        push(0);
        for index in 0..self.environment {
            push(self.envp.pointer(index).unwrap_or(0));
        }
        push(self.variable);
        push(0);
        let count = |words: usize| words as u64 * 8;
        let argv_words = if target.is_script {
            target.extra_count + self.arguments.saturating_sub(1)
        } else {
            self.arguments.max(1)
        };
        (self.at, self.at + count(argv_words + 1))
    }
}
