//! The recorded program's threads: register contexts of which one is in the machine.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use reenact_trace::{EventKind, Registers};

use crate::xsave_area::VectorState;

/// A thread that is not running.
#[derive(Clone)]
pub struct ThreadState {
    pub registers: Registers,
    pub vectors: VectorState,
}

/// Who runs, and the contexts of all others.
#[derive(Default)]
pub struct Threads {
    /// Tid of the running thread; `None` between a vfork-like call and its child's first event,
    /// which tells the child's tid.
    pub current: Option<u32>,
    pub waiting: BTreeMap<u32, ThreadState>,
    /// Parents of vfork children that run now, innermost last.
    pub vfork_parents: Vec<VforkParent>,
    /// Those of them that are processes of their own.
    pub companions: BTreeSet<u32>,
    /// The running thread has ended.
    pub ended: bool,
}

/// A thread that waits for its vfork child.
#[derive(Clone)]
pub struct VforkParent {
    pub tid: u32,
    pub state: ThreadState,
}

/// Whether an event happens in the thread it names. A new image is named after the process's
/// first thread, whichever thread called `execve`: that one runs now.
pub fn is_of_its_thread(kind: EventKind, current: Option<u32>) -> bool {
    match kind {
        EventKind::Note | EventKind::Turn | EventKind::RecordingEnd | EventKind::VforkReturn => {
            false
        }
        EventKind::ImageBegin => current.is_none(),
        _ => true,
    }
}
