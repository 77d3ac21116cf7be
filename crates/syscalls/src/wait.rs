//! How a call waits while other threads, or processes that share memory, run; and what signals do to it.

/// How a call waits. One thread runs at a time: whoever waits in the kernel gives up its turn, and
/// the kernel must not write to the program's memory meanwhile, behind the back of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It waits for nothing that others do.
    Never,
    /// It can wait, and keeps the turn, for this reason. Should others ask for the turn meanwhile,
    /// the call is interrupted and made again after theirs.
    WithTurn(&'static str),
    /// Others run; the kernel writes nothing to the program's memory.
    Directly,
    /// Others run until a descriptor is ready; then the call is made with the turn.
    UntilReady(Readiness),
    /// Others run; the kernel is given scratch memory in place of what the outputs name. What it
    /// has written there is copied to the program when the call has returned.
    Scratch,
    /// By the operation: see [`crate::futex_operation`].
    Futex,
    /// By the command: see [`crate::fcntl`].
    Fcntl,
    /// By the request: see [`crate::ioctl`].
    Ioctl,
}

/// What a call waits for before it is made with the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The argument that is the descriptor.
    pub descriptor: u8,
    /// `POLLIN` or `POLLOUT` bits: any of them.
    pub events: u16,
    /// The argument with these bits says not to wait.
    pub unless: Option<(u8, u64)>,
    /// When it waits for more than the first bytes: such a call is made in scratch memory.
    pub for_all: ForAll,
}

/// Whether a call waits until it has all it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForAll {
    Never,
    /// If the argument has these bits.
    If(u8, u64),
    /// Unless the argument has these bits.
    Unless(u8, u64),
}

pub(crate) const POLLIN: u16 = 1;
pub(crate) const POLLOUT: u16 = 4;

/// Waits until the descriptor in this argument can be read.
pub(crate) const fn readable(descriptor: u8) -> Readiness {
    Readiness {
        descriptor,
        events: POLLIN,
        unless: None,
        for_all: ForAll::Never,
    }
}

impl Readiness {
    pub(crate) const fn unless(mut self, argument: u8, bits: u64) -> Readiness {
        self.unless = Some((argument, bits));
        self
    }

    pub(crate) const fn for_all(mut self, for_all: ForAll) -> Readiness {
        self.for_all = for_all;
        self
    }
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

/// How long a call waits at most, as its arguments say. What a signal interrupts goes on with what is left of that, where
/// the kernel does not leave it in the arguments itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// Milliseconds; a negative number: no limit.
    Milliseconds(u8),
    /// The argument is the address of a `timespec`; 0: no limit.
    Time(u8),
    /// The same, for which another argument says where the kernel writes what is left when a signal comes.
    Sleep { time: u8, left: u8 },
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
