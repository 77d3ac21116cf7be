//! The row of one system call. The recorder, the replayer and the reference execute and show it;
//! what a row leaves out or contradicts does not compile (see `row_check`).

use crate::argument::Argument;
use crate::class::{Class, SignalAction, SpecialAction};
use crate::facts::Facts;
use crate::futex::futex_operation;
use crate::output::Output;
use crate::traits::{Content, Descriptors, Nested, Paths, Sends};
use crate::wait::{Restart, SignalMask, TimeLimit, Wait};

/// Everything known about one system call.
#[derive(Clone, Copy, Debug)]
pub struct SystemCall {
    pub number: u16,
    pub name: &'static str,
    pub class: Class,
    pub arguments: &'static [Argument],
    /// What the kernel writes to the program's memory.
    pub outputs: &'static [Output],
    pub wait: Wait,
    pub restart: Restart,
    pub time_limit: Option<TimeLimit>,
    pub descriptors: Descriptors,
    pub nested: &'static [Nested],
    pub content: Content,
    pub paths: Paths,
    pub sends: Sends,
    pub signal_mask: SignalMask,
    /// The result is an address (printed in hexadecimal).
    pub result_is_address: bool,
    /// What follows from the rest, computed by the compiler.
    pub facts: Facts,
}

/// Whose row says by a request, or by a path, that a file changes.
const IOCTL: u16 = 16;
const TRUNCATE: u16 = 76;

/// Start of a row: a plain call that does nothing but return a result.
pub(crate) const fn call(
    number: u16,
    name: &'static str,
    arguments: &'static [Argument],
) -> SystemCall {
    SystemCall {
        number,
        name,
        class: Class::Plain,
        arguments,
        outputs: &[],
        wait: Wait::Never,
        restart: Restart::None,
        time_limit: None,
        descriptors: Descriptors::None,
        nested: &[],
        content: Content::Unchanged,
        paths: Paths::None,
        sends: Sends::Nothing,
        signal_mask: SignalMask::None,
        result_is_address: false,
        facts: Facts::NONE,
    }
}

impl SystemCall {
    /// The restart class with these arguments: a `futex` wait with a timeout continues with the
    /// remaining time, which a plain repetition would extend.
    pub fn restart_for(&self, args: &[u64; 6]) -> Restart {
        if self.wait == Wait::Futex && args[3] != 0 {
            if let Some(operation) = futex_operation(args[1]) {
                return operation.with_timeout;
            }
        }
        self.restart
    }

    /// How long it waits at most with these arguments, counted from its beginning.
    pub fn time_limit_for(&self, args: &[u64; 6]) -> Option<TimeLimit> {
        /// `clock_nanosleep`, and its flag for a time of the clock's own.
        const CLOCK_SLEEP: u16 = 230;
        const ABSOLUTE: u64 = 1;
        if self.wait == Wait::Futex {
            let is_counted = futex_operation(args[1]).is_some_and(|operation| operation.counts);
            return is_counted.then_some(TimeLimit::Time(3));
        }
        let is_absolute = self.number == CLOCK_SLEEP && args[1] & ABSOLUTE != 0;
        self.time_limit.filter(|_| !is_absolute)
    }

    pub(crate) const fn class(mut self, class: Class) -> SystemCall {
        self.class = class;
        self
    }

    pub(crate) const fn writes(mut self, outputs: &'static [Output]) -> SystemCall {
        self.outputs = outputs;
        self
    }

    /// How it waits, and what a signal does to it then.
    pub(crate) const fn waits(mut self, wait: Wait, restart: Restart) -> SystemCall {
        self.wait = wait;
        self.restart = restart;
        self
    }

    /// How long it waits at most.
    pub(crate) const fn at_most(mut self, limit: TimeLimit) -> SystemCall {
        self.time_limit = Some(limit);
        self
    }

    pub(crate) const fn makes(mut self, descriptors: Descriptors) -> SystemCall {
        self.descriptors = descriptors;
        self
    }

    pub(crate) const fn names(mut self, nested: &'static [Nested]) -> SystemCall {
        self.nested = nested;
        self
    }

    pub(crate) const fn changes(mut self, content: Content) -> SystemCall {
        self.content = content;
        self
    }

    pub(crate) const fn path(mut self, paths: Paths) -> SystemCall {
        self.paths = paths;
        self
    }

    pub(crate) const fn sends(mut self, sends: Sends) -> SystemCall {
        self.sends = sends;
        self
    }

    pub(crate) const fn masks(mut self, mask: SignalMask) -> SystemCall {
        self.signal_mask = mask;
        self
    }

    pub(crate) const fn returns_address(mut self) -> SystemCall {
        self.result_is_address = true;
        self
    }

    pub(crate) const fn declined(self, errno: i32, reason: &'static str) -> SystemCall {
        self.class(Class::Declined(errno, reason))
    }

    pub(crate) const fn refused(self, errno: i32, reason: &'static str) -> SystemCall {
        self.class(Class::Refused(errno, reason))
    }

    /// The row with what follows from it.
    pub(crate) const fn complete(mut self) -> SystemCall {
        let (mut descriptors, mut addresses) = (0, 0);
        let mut index = 0;
        while index < self.arguments.len() {
            let kind = self.arguments[index].1;
            if kind.is_descriptor() {
                descriptors |= 1 << index;
            }
            if kind.is_address() {
                addresses |= 1 << index;
            }
            index += 1;
        }
        let takes_signals = matches!(self.class, Class::Signal(SignalAction::FromKernel))
            || !matches!(self.signal_mask, SignalMask::None);
        let is_answered = !matches!(self.paths, Paths::None)
            || matches!(
                self.class,
                Class::Special(SpecialAction::ProcessorState | SpecialAction::CloseRange)
            );
        self.facts = Facts {
            descriptors,
            addresses,
            is_simple: self.class.is_performed() && self.has_simple_outputs(),
            is_answered,
            opens: matches!(self.paths, Paths::Opened { .. } | Paths::OpenedBy { .. }),
            takes_signals,
            has_consequences: !matches!(self.descriptors, Descriptors::None)
                || !matches!(self.content, Content::Unchanged)
                || matches!(self.class, Class::Special(_)),
            changes_files: !matches!(self.content, Content::Unchanged)
                || matches!(self.number, IOCTL | TRUNCATE),
        };
        self
    }

    const fn has_simple_outputs(&self) -> bool {
        let mut index = 0;
        while index < self.outputs.len() {
            if !self.outputs[index].is_simple() {
                return false;
            }
            index += 1;
        }
        true
    }
}
