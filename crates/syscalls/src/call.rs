//! The entry of one system call.

use crate::names::{Choice, Flag};
use crate::output::Output;

/// Who performs a call, and with what care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Pass it to the kernel, log the result and the outputs.
    Plain,
    /// Changes the address space; the recorder logs its effect on the mappings.
    Memory,
    /// Makes, replaces or ends a process or thread.
    Process,
    /// Concerns handlers, masks or pending signals, which the recorder keeps itself.
    Signal,
    /// Closes, duplicates or limits descriptors: must not touch those of the recorder.
    Descriptor,
    /// Like `Plain`, but the recorder has to look at it (the table's comment says why).
    Special,
    /// Not performed; the program gets `-errno`, as on a kernel without the feature.
    Declined(i32, &'static str),
    /// Not supported: cannot be recorded faithfully. If the recorder goes on all the same, the
    /// program gets `-errno`.
    Refused(i32, &'static str),
}

/// What happens when a signal interrupts the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Signals do not interrupt it.
    None,
    /// `ERESTARTSYS`: performed again unless a handler without `SA_RESTART` ran; then `EINTR`.
    WithFlag,
    /// `ERESTARTNOHAND`: `EINTR` when any handler ran, otherwise performed again.
    NoHandler,
    /// `ERESTART_RESTARTBLOCK`: `EINTR` when any handler ran, otherwise continued with the
    /// remaining time.
    Block,
    /// The call itself returns `EINTR`, whether or not a handler ran.
    Interrupted,
}

/// Where new descriptors appear after success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptors {
    None,
    /// The result is one.
    Result,
    /// Two `int`s at the address in this argument.
    Pair(u8),
    /// `SCM_RIGHTS` in the control buffers of received messages.
    Control,
    /// Depends on a command argument (`fcntl`, `ioctl`, `prctl`, `seccomp`…).
    Command,
}

/// Where a call takes a signal mask that holds only while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalMask {
    None,
    /// The argument is the address of the mask; the next one is its size.
    Argument(u8),
    /// The argument is the address of a pair (address of the mask, size): `pselect6`.
    Indirect(u8),
}

/// How an argument is printed.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A descriptor.
    Fd,
    /// A descriptor of a directory, or `AT_FDCWD`.
    DirFd,
    /// Address of a path.
    Path,
    /// Any other address.
    Pointer,
    /// A signed 32-bit number.
    Int,
    /// An unsigned 32-bit number.
    Unsigned,
    /// A signed 64-bit number (offsets).
    Long,
    /// An unsigned 64-bit number (sizes, counts).
    Size,
    /// Bits without names here.
    Hex,
    /// Permission bits.
    Mode,
    /// A signal number.
    Signal,
    /// Named bits.
    Flags(&'static [Flag]),
    /// One of several names.
    Choice(&'static [Choice]),
    /// Flags of `open`: access mode and bits.
    Open,
    /// `ioctl` request.
    Ioctl,
    /// `fcntl` command.
    Fcntl,
    /// `prctl` option.
    Prctl,
}

/// Name and kind of an argument.
pub type Argument = (&'static str, Kind);

/// Everything known about one system call.
#[derive(Clone, Copy, Debug)]
pub struct SystemCall {
    pub number: u16,
    pub name: &'static str,
    pub class: Class,
    pub arguments: &'static [Argument],
    /// What the kernel writes to the program's memory.
    pub outputs: &'static [Output],
    /// It may wait for something outside the process.
    pub may_block: bool,
    pub restart: Restart,
    pub descriptors: Descriptors,
    pub signal_mask: SignalMask,
    /// The result is an address (printed in hexadecimal).
    pub result_is_address: bool,
    /// The call is performed whatever its arguments, and all its outputs are found from its
    /// arguments and its result: nothing has to be known from before it.
    pub is_simple: bool,
}

/// Start of an entry: a plain call without outputs that does not block.
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
        may_block: false,
        restart: Restart::None,
        descriptors: Descriptors::None,
        signal_mask: SignalMask::None,
        result_is_address: false,
        is_simple: true,
    }
}

impl SystemCall {
    /// The restart class with these arguments: a `futex` wait with a timeout continues with the
    /// remaining time, which a plain repetition would extend.
    pub fn restart_for(&self, args: &[u64; 6]) -> Restart {
        const FUTEX: u16 = 202;
        const FUTEX_WAIT: u64 = 0;
        const FUTEX_WAIT_BITSET: u64 = 9;
        let waits = matches!(args[1] & 0x7f, FUTEX_WAIT | FUTEX_WAIT_BITSET);
        if self.number == FUTEX && waits && args[3] != 0 {
            return Restart::Block;
        }
        self.restart
    }

    pub(crate) const fn class(mut self, class: Class) -> SystemCall {
        self.class = class;
        if matches!(class, Class::Declined(..) | Class::Refused(..)) {
            self.is_simple = false;
        }
        self
    }

    pub(crate) const fn writes(mut self, outputs: &'static [Output]) -> SystemCall {
        self.outputs = outputs;
        let mut index = 0;
        while index < outputs.len() {
            let is_simple = matches!(
                outputs[index],
                Output::Fixed { .. } | Output::Counted { .. } | Output::Result { .. }
            );
            self.is_simple = self.is_simple && is_simple;
            index += 1;
        }
        self
    }

    pub(crate) const fn blocks(mut self, restart: Restart) -> SystemCall {
        self.may_block = true;
        self.restart = restart;
        self
    }

    pub(crate) const fn makes(mut self, descriptors: Descriptors) -> SystemCall {
        self.descriptors = descriptors;
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
}
