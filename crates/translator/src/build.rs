//! What is known of the block being built.

use crate::emitter::Emitter;
use crate::guest::CodeFault;
use crate::store::ExitKind;

/// Most instructions in a block.
pub(crate) const MAX_COUNT: u8 = 96;

/// What stands for the limit of a block that is [`Mode::Unchecked`].
pub(crate) const UNCHECKED: u8 = u8::MAX;

/// A jump out of the block being built.
pub(crate) struct Pending {
    /// Instructions executed when it is taken.
    pub(crate) executed: u8,
    pub(crate) target: u64,
    /// Host address of the jump's displacement; 0 for an exit whose stub is already in place.
    pub(crate) field: u64,
    pub(crate) kind: ExitKind,
    /// Host address of the exit number in a stub already in place; with `charge_only`, of the
    /// 32 bits to be added to the budget.
    pub(crate) number_at: u64,
    pub(crate) charge_only: bool,
}

/// Calls that return on a path that was noted are followed this deep.
pub(crate) const CALL_DEPTH: usize = 4;

/// What kind of block is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With accounting, to be chained.
    Normal,
    /// Without accounting and at most this long: for stopping at an exact count.
    Exact(u8),
    /// One instruction, without looking at what it accesses, nor for a landing.
    Unchecked,
    /// One instruction, without looking for a landing, and not to be remembered: its page may be about to change, or
    /// the landing be taken away. What it accesses has been looked at, or not.
    Once { looked_at: bool },
}

impl Mode {
    /// Whether what the block accesses is looked at, where anything is watched. This belongs to the block and to no
    /// run: other blocks may be made on the way, and stay.
    pub(crate) fn checks_accesses(self) -> bool {
        !matches!(self, Mode::Unchecked | Mode::Once { looked_at: true })
    }

    /// Whether the block is used once.
    pub(crate) fn is_once(self) -> bool {
        matches!(self, Mode::Once { .. })
    }
}

/// Why there is no block.
pub(crate) struct FetchFault {
    pub fault: CodeFault,
    pub address: u64,
}

/// State of the block being built.
pub(crate) struct Build {
    pub(crate) e: Emitter,
    pub(crate) body: u64,
    pub(crate) mode: Mode,
    pub(crate) limit: u8,
    /// Whether it gets checks of watched memory.
    pub(crate) checks_accesses: bool,
    pub(crate) count: u8,
    pub(crate) branches: u8,
    /// Status flags neither read nor overwritten so far.
    pub(crate) undecided: u8,
    pub(crate) killed_at: u8,
    /// Number of the block.
    pub(crate) number: u32,
    pub(crate) notes: u32,
    pub(crate) jumps: u32,
    /// Guest address ranges, for the lists of pages.
    pub(crate) first_page: u64,
    pub(crate) last_page: u64,
    pub(crate) start: u64,
    /// Return addresses of calls into which translation went on.
    pub(crate) returns: [u64; CALL_DEPTH],
    pub(crate) depth: usize,
    /// Follow `Engine::path`, of which so many directions have been used.
    pub(crate) traced: bool,
    pub(crate) path_at: usize,
    /// … and so many of `Engine::path_calls`.
    pub(crate) calls_at: usize,
    /// Its phase if it has no accounting, otherwise that of its entry. See `accounting`.
    pub(crate) phase: i16,
    /// Whether it has accounting at its entry.
    pub(crate) is_charged: bool,
}

/// How translation goes on after an instruction.
pub(crate) enum Next {
    /// With the instruction behind it.
    Straight,
    /// At another address.
    At(u64),
    /// Not at all.
    End,
}
