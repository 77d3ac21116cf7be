//! Who performs a call: the kernel as the program has asked for it, or the recorder in part.

/// Who performs a call, and what is done. The recorder has a handler for each of the actions, and
/// the replayer an effect for those that change memory, registers or threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Pass it to the kernel, log the result and the outputs.
    Plain,
    /// Changes the address space: the log says with what, the replay does the same.
    Memory(MemoryAction),
    /// Makes, replaces or ends a process or thread.
    Process(ProcessAction),
    /// Concerns handlers, masks or pending signals, which the recorder keeps itself.
    Signal(SignalAction),
    /// The recorder has to do something about it beside the kernel.
    Special(SpecialAction),
    /// Not performed; the program gets `-errno`, as on a kernel without the feature.
    Declined(i32, &'static str),
    /// Not supported: cannot be recorded faithfully. If the recorder goes on all the same, the
    /// program gets `-errno`.
    Refused(i32, &'static str),
}

/// Changes of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryAction {
    /// A new mapping; its file, or what it shows, goes into the log.
    Map,
    Unmap,
    Protect,
    /// Moved, grown or shrunk.
    Remap,
    /// Advice about a range, of which some change its content ([`crate::Advice`]).
    Advise,
    /// The same for each buffer of an array, as far as the result reaches.
    AdviseVector,
    /// The heap segment, which the recorder keeps itself.
    Break,
    /// A segment of System V shared memory is mapped.
    AttachSegment,
    DetachSegment,
    /// Neither content nor protection change.
    Look(Hole),
}

/// What a call about a range does where nothing is mapped in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// It does nothing at all and fails.
    Refused,
    /// It fails when it has dealt with what comes before.
    Stops,
    /// It fails when it has dealt with all the rest.
    Skipped,
}

/// Making, replacing and ending processes and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessAction {
    Fork,
    Vfork,
    /// By its flags a process, one in its parent's memory, or a thread.
    Clone,
    /// The same; flags and addresses are in a structure.
    CloneStructure,
    Execute,
    /// The thread ends.
    Exit,
    /// The process ends.
    ExitGroup,
}

/// Calls about signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    SetAction,
    SetMask,
    SetStack,
    /// Which signals wait: those the recorder holds back, too.
    Pending,
    ReturnFromHandler,
    /// Waits for a handler. A signal noted shortly before it ends it as well: nobody can tell.
    Pause,
    /// Takes or shows signals that the kernel has: those held back are given to it before.
    FromKernel,
    /// The kernel's own affair, as its mask and pending signals are the program's.
    Plain,
}

/// What else the recorder does beside the kernel, or in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialAction {
    /// The turn goes to whoever waits for it: the kernel knows nothing of them.
    Yield,
    /// The recorder clears the word and wakes its waiter when the thread ends.
    SetClearedWord,
    /// The recorder marks the list's words when the thread ends.
    SetRobustList,
    /// Segment bases are registers; some answers about the processor are ours.
    ProcessorState,
    /// Entries that are ours are taken out.
    ListDirectory,
    /// Around our own descriptors.
    CloseRange,
    /// Filters of system calls: the recorder keeps and runs them itself, as the kernel could not tell the
    /// program's calls from ours.
    Confine,
    /// The recorder must go on being executed.
    RestrictFiles,
    /// Our own mappings do not count for the limit of address space.
    Limit,
    /// Requests are carried out by the recorder, when they are submitted.
    AsynchronousIo,
    /// Recorded threads trace each other by the recorders, not by the kernel.
    Trace,
    /// What a tracer waits for the kernel does not know.
    AwaitChild,
    /// Whether what can be read can be executed, too, follows from it.
    Personality,
    /// Into another recorded process it would write what no log explains: that is refused.
    WriteToProcess,
    /// Where later children are may be somewhere else than where the caller is.
    Namespaces,
}

impl Class {
    /// Its name in the reference.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Plain => "plain",
            Class::Memory(_) => "memory",
            Class::Process(_) => "process",
            Class::Signal(_) => "signal",
            Class::Special(_) => "special",
            Class::Declined(..) => "declined",
            Class::Refused(..) => "refused",
        }
    }

    /// Whether the call reaches the kernel or a handler at all.
    pub const fn is_performed(self) -> bool {
        !matches!(self, Class::Declined(..) | Class::Refused(..))
    }
}
