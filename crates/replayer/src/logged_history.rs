//! What lies behind a snapshot, from the log: the records that a replay from the start would have passed.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::event::{flags, start, KILLED_THREAD};
use reenact_trace::{EventHeader, EventKind};

use crate::control::{changes_registers, Passed};
use crate::counted_place;
use crate::feed::{Feed, Group};
use crate::feed_error::FeedError;
use crate::machine::UNCOUNTED;
use crate::threads::is_of_its_thread;

/// The records of the events of a log up to one; the feed is behind that. Of the last one it is not known whether another
/// thread runs behind it.
pub fn passed_up_to(feed: &mut Feed, event: u64) -> Result<Vec<Passed>, FeedError> {
    let mut walk = Walk::default();
    while let Some(group) = feed.peek()?.filter(|group| group.index <= event) {
        walk.pass(&group);
        feed.advance();
    }
    Ok(walk.passed)
}

#[derive(Default)]
struct Walk {
    passed: Vec<Passed>,
    /// The running thread, if one has begun to run.
    current: Option<u32>,
    has_ended: bool,
    has_image: bool,
}

impl Walk {
    fn pass(&mut self, group: &Group<'_>) {
        let (header, kind) = (group.event.header, group.event.kind);
        if is_of_its_thread(kind, self.current) {
            let is_other = self.current.is_some_and(|current| current != header.tid);
            if let Some(last) = self.passed.last_mut() {
                last.is_visible |= is_other;
            }
            self.has_ended &= !is_other;
            self.current = Some(header.tid);
        }
        let own_instruction = self.own_instruction(group);
        self.passed.push(Passed {
            index: group.index,
            before: own_instruction.map_or(0, |_| UNCOUNTED),
            own_instruction: own_instruction == Some(true),
            is_visible: changes_registers(kind, header),
            kind,
            code: header.code,
        });
        self.follow(kind, header);
    }

    /// Whether the event has an instruction of its own; `None`: it is no place to count to.
    fn own_instruction(&self, group: &Group<'_>) -> Option<bool> {
        let header = group.event.header;
        match group.event.kind {
            EventKind::Syscall => Some(header.flags & flags::VDSO == 0),
            EventKind::SignalReturn | EventKind::Instruction => Some(true),
            EventKind::Fault
            | EventKind::Blocked
            | EventKind::SignalDelivered
            | EventKind::Traced => Some(false),
            EventKind::Preempted => Some(counted_place::passes(group).is_some()),
            EventKind::Exit => Some(ends_thread(header)),
            EventKind::ImageBegin => {
                let by_exec = matches!(u64::from(header.code), n::EXECVE | n::EXECVEAT);
                (by_exec && self.has_image).then_some(true)
            }
            EventKind::VforkReturn => (!self.has_ended).then_some(true),
            _ => None,
        }
    }

    /// What the event changes for the next ones.
    fn follow(&mut self, kind: EventKind, header: &EventHeader) {
        match kind {
            EventKind::ProcessStart => self.has_image = header.code == start::FORK,
            EventKind::Syscall if header.flags & flags::VFORK != 0 => self.current = None,
            EventKind::VforkReturn | EventKind::ImageBegin => {
                self.current = Some(header.tid);
                self.has_ended = false;
                self.has_image = true;
            }
            EventKind::Exit => self.has_ended = ends_thread(header),
            _ => {}
        }
    }
}

fn ends_thread(header: &EventHeader) -> bool {
    if header.flags & flags::FILTERED != 0 {
        return header.result & KILLED_THREAD != 0;
    }
    matches!(u64::from(header.code), n::EXIT | n::EXIT_GROUP)
}
