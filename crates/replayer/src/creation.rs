//! System calls that create processes and threads: what they were asked for.

use reenact_syscalls::{lookup, Class, ProcessAction};
use reenact_trace::{EventHeader, Registers};

use crate::effects::after_call;
use crate::error::ReplayError;
use crate::memory::Memory;

pub use reenact_freestanding::numbers::{CLONE_SETTLS, CLONE_THREAD, CLONE_VFORK, CLONE_VM};

/// What a call of the clone family asked for.
#[derive(Clone, Copy, Debug)]
pub struct Creation {
    pub flags: u64,
    /// Initial rsp, 0: as the parent's.
    stack: u64,
    tls: u64,
}

impl Creation {
    /// Read from the call's arguments; `None` for other calls, and for those that failed.
    pub fn of(header: &EventHeader, memory: &Memory) -> Result<Option<Creation>, ReplayError> {
        let args = header.args;
        // A call that failed has made nothing, whatever it was asked for, and wherever.
        if header.result < 0 {
            return Ok(None);
        }
        let Some(Class::Process(action)) = lookup(u64::from(header.code)).map(|call| call.class)
        else {
            return Ok(None);
        };
        Ok(Some(match action {
            ProcessAction::Fork => Creation {
                flags: 0,
                stack: 0,
                tls: 0,
            },
            ProcessAction::Vfork => Creation {
                flags: CLONE_VM | CLONE_VFORK,
                stack: 0,
                tls: 0,
            },
            ProcessAction::Clone => Creation {
                flags: args[0],
                stack: args[1],
                tls: args[4],
            },
            ProcessAction::CloneStructure => {
                // struct clone_args: flags 0, stack 5, stack_size 6, tls 7.
                let word = |index: u64| memory.read_u64(args[0].wrapping_add(index * 8));
                let (stack, size) = (word(5)?, word(6)?);
                let stack = if stack == 0 {
                    0
                } else {
                    stack.wrapping_add(size)
                };
                Creation {
                    flags: word(0)?,
                    stack,
                    tls: word(7)?,
                }
            }
            ProcessAction::Execute | ProcessAction::Exit | ProcessAction::ExitGroup => {
                return Ok(None)
            }
        }))
    }

    /// The registers the child starts with.
    pub fn child_registers(&self, parent: &Registers, header: &EventHeader) -> Registers {
        let mut child = *parent;
        after_call(&mut child, header, 0);
        if self.stack != 0 {
            child.rsp = self.stack;
        }
        if self.flags & CLONE_SETTLS != 0 {
            child.fs_base = self.tls;
        }
        child
    }
}
