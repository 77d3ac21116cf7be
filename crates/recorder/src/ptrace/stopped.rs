//! A thread while it is stopped: where it stands, and how the log learns of that and of changes.

use reenact_trace::event::{call_code, flags};
use reenact_trace::ptrace::Link;
use reenact_trace::{EventHeader, EventKind, Registers};

use super::registers::Shown;
use crate::log::{self, Builder};
use crate::scheduler;
use crate::segment_bases::whole;
use crate::sharing_group::WaitKind;
use crate::signal;
use crate::thread::Thread;

/// `PTRACE_EVENT_…`
pub mod event {
    pub const FORK: u32 = 1;
    pub const VFORK: u32 = 2;
    pub const CLONE: u32 = 3;
    pub const EXEC: u32 = 4;
    pub const VFORK_DONE: u32 = 5;
    pub const EXIT: u32 = 6;
    pub const SECCOMP: u32 = 7;
    pub const STOP: u32 = 128;
}

/// `PTRACE_O_…`
pub mod option {
    pub const TRACESYSGOOD: u32 = 1;
    pub const EXITKILL: u32 = 1 << 20;
    /// All there are.
    pub const ALL: u32 = 0x3000ff;

    /// The option that asks for an event.
    pub const fn of_event(event: u32) -> u32 {
        1 << event
    }
}

/// Ways to go on: numbers of requests.
pub mod resume {
    pub const CONT: u32 = 7;
    pub const SINGLESTEP: u32 = 9;
    pub const DETACH: u32 = 17;
    pub const SYSCALL: u32 = 24;
    pub const SYSEMU: u32 = 31;
    pub const SYSEMU_SINGLESTEP: u32 = 32;
}

/// Values of [`Link::in_call`].
pub mod in_call {
    pub const BEGINS: u32 = 1;
    pub const ENDS: u32 = 2;
    pub const IN_FILTER: u32 = 3;
}

/// Where a stopped thread stands, as the log knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a system call that has not been performed; the instruction pointer is behind it.
    InCall,
    /// At a system call instruction.
    AtCall,
    /// Right after an event.
    AfterEvent,
    /// In the middle of computation; no event says where.
    Anywhere,
}

/// A thread while it is stopped.
pub struct Stopped<'a> {
    pub thread: &'a mut Thread,
    pub link: &'static Link,
    pub place: Place,
    pub shown: Shown,
    /// Whether others run meanwhile.
    pub others: bool,
}

impl Stopped<'_> {
    /// Let others run. The log says where this thread stands.
    pub fn release(&mut self) {
        if self.others {
            self.log_place();
            scheduler::release_in_stop(self.thread);
        }
    }

    pub fn take(&mut self) {
        if self.others {
            scheduler::acquire(self.thread, WaitKind::AfterCall);
        }
    }

    /// Do something that the log must know, in this thread's turn.
    pub fn in_turn<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        self.take();
        let done = act(self);
        if self.others {
            scheduler::release_in_stop(self.thread);
        }
        done
    }

    fn log_place(&mut self) {
        let registers = self.thread.frame.registers;
        match self.place {
            Place::AfterEvent => {}
            Place::InCall | Place::AtCall => {
                let (ip, _) = self.at(&registers);
                let header = EventHeader {
                    tid: self.thread.tid,
                    code: call_code(u64::from(registers.rax as u32)),
                    ip: ip + 2,
                    register_checksum: registers.checksum(),
                    args: [
                        registers.rdi,
                        registers.rsi,
                        registers.rdx,
                        registers.r10,
                        registers.r8,
                        registers.r9,
                    ],
                    time: log::time(),
                    ..EventHeader::default()
                };
                scheduler::log_blocked(&header);
            }
            Place::Anywhere => {
                signal::log_landing(&self.thread.frame);
                self.place = Place::AfterEvent;
            }
        }
    }

    /// Where the thread is, and how an event says that.
    fn at(&self, registers: &Registers) -> (u64, u8) {
        match self.place {
            Place::InCall => (registers.rip.wrapping_sub(2), flags::AT_SYSCALL_ENTRY),
            Place::AtCall => (registers.rip, flags::AT_SYSCALL_ENTRY),
            Place::AfterEvent | Place::Anywhere => (registers.rip, flags::IMMEDIATE),
        }
    }

    /// Begin the event of a change that is made to this thread, `before` which its registers were these.
    pub fn begin_change(&mut self, before: &Registers) -> Builder {
        let (ip, place) = self.at(before);
        let mut event = Builder::new(EventKind::Traced, 0);
        event.header.ip = ip;
        event.header.register_checksum = before.checksum();
        event.header.flags = place;
        event
    }

    /// What is changed in the middle of computation is changed behind an event that says where.
    pub fn know_place(&mut self) {
        if self.place == Place::Anywhere {
            self.log_place();
        }
    }

    /// Attach the registers as they are now.
    pub fn attach_registers(&self, event: &mut Builder) {
        let mut registers = whole(self.thread);
        if self.place == Place::InCall {
            registers.rip = registers.rip.wrapping_sub(2);
        }
        event.registers(&registers);
    }

    /// The log says where the thread is now, whatever it was changed to.
    pub fn changed(&mut self) {
        if self.place == Place::AtCall {
            self.place = Place::AfterEvent;
        }
    }
}
