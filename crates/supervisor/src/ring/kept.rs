//! What is kept of one process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::identity::Identity;

/// A chunk of a log.
#[derive(Clone)]
pub(super) struct Chunk {
    /// One past its last event.
    pub(super) end_event: u64,
    pub(super) order: u64,
    pub(super) bytes: Arc<[u8]>,
}

/// A snapshot behind an event.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    pub(super) event: u64,
    pub(super) order: u64,
    pub(super) chunks: Vec<Arc<[u8]>>,
    taken: Option<Instant>,
    /// Its turn among processes that share memory: group and number.
    pub(super) turn: Option<(u64, u64)>,
}

impl Snapshot {
    fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }
}

/// Where the kept part of a log begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Begin {
    /// With the process.
    #[default]
    Start,
    /// With the snapshot behind an event, the first that is kept.
    Snapshot(u64),
    /// With the program it has executed, behind the record before.
    Image(u64),
    /// Nowhere: there is no state that what is kept could go on from.
    Nowhere,
}

impl Begin {
    /// The event that the log begins behind.
    pub(super) fn event(self) -> Option<u64> {
        match self {
            Begin::Snapshot(event) | Begin::Image(event) => Some(event),
            Begin::Start | Begin::Nowhere => None,
        }
    }
}

/// Of one process.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) pid: u32,
    pub(super) identity: Identity,
    pub(super) begin: Begin,
    pub(super) chunks: VecDeque<Chunk>,
    /// Whole ones, the oldest first.
    pub(super) snapshots: VecDeque<Snapshot>,
    incoming: Option<Snapshot>,
    /// The chunk that says how it has ended.
    pub(super) end: Option<Arc<[u8]>>,
    /// Of what has come last.
    pub(super) last_order: u64,
    /// The first event that may still be there.
    kept_from: u64,
    /// When its log began, as far as it is kept.
    pub(super) since: Option<Instant>,
}

impl Kept {
    /// A chunk of a snapshot has come; bytes of another one that will never be whole.
    pub(super) fn add_snapshot(&mut self, event: u64, bytes: Arc<[u8]>) -> u64 {
        let lost = match &self.incoming {
            Some(incoming) if incoming.event != event => self.give_up_snapshot(),
            _ => 0,
        };
        let incoming = self.incoming.get_or_insert_with(|| Snapshot {
            event,
            ..Snapshot::default()
        });
        incoming.chunks.push(bytes);
        lost
    }

    /// It is whole: its size, and what of it is lost, as events behind it are not there any more.
    pub(super) fn finish_snapshot(
        &mut self,
        order: u64,
        turn: Option<(u64, u64)>,
        now: Instant,
    ) -> (u64, u64) {
        let Some(mut snapshot) = self.incoming.take() else {
            return (0, 0);
        };
        let size = snapshot.size();
        if snapshot.event + 1 < self.kept_from {
            return (size, size);
        }
        (snapshot.order, snapshot.turn, snapshot.taken) = (order, turn, Some(now));
        self.snapshots.push_back(snapshot);
        (size, 0)
    }

    /// The event that the one behind is which is being written.
    pub(super) fn incoming_event(&self) -> Option<u64> {
        self.incoming.as_ref().map(|snapshot| snapshot.event)
    }

    /// Bytes of one that will never be whole.
    pub(super) fn give_up_snapshot(&mut self) -> u64 {
        self.incoming.take().map_or(0, |snapshot| snapshot.size())
    }

    /// Where nothing could be gone on from until now: there is a snapshot. Bytes that are dropped.
    pub(super) fn begin_where_possible(&mut self) -> u64 {
        match (self.begin, self.snapshots.front()) {
            (Begin::Nowhere, Some(first)) => {
                let event = first.event;
                self.advance(Begin::Snapshot(event))
            }
            _ => 0,
        }
    }

    /// The next snapshot that the log could begin with, later than now.
    pub(super) fn next_snapshot(&self) -> Option<&Snapshot> {
        let begin = self.begin.event();
        self.snapshots
            .iter()
            .find(|snapshot| begin.is_none_or(|event| snapshot.event > event))
    }

    /// Let the log begin later; bytes that are dropped.
    pub(super) fn advance(&mut self, begin: Begin) -> u64 {
        self.begin = begin;
        let Some(event) = begin.event() else { return 0 };
        let mut dropped = 0;
        let is_over = |chunk: &Chunk| chunk.end_event <= event + 1;
        while self.chunks.front().is_some_and(is_over) {
            let Some(chunk) = self.chunks.pop_front() else {
                break;
            };
            self.kept_from = chunk.end_event;
            dropped += chunk.bytes.len() as u64;
        }
        let is_before = |snapshot: &Snapshot| match begin {
            Begin::Image(_) => snapshot.event <= event,
            _ => snapshot.event < event,
        };
        while self.snapshots.front().is_some_and(is_before) {
            let Some(snapshot) = self.snapshots.pop_front() else {
                break;
            };
            dropped += snapshot.size();
        }
        if let (Begin::Snapshot(_), Some(first)) = (begin, self.snapshots.front()) {
            self.since = first.taken;
            self.identity.begin_in_turn(first.turn, event);
        }
        self.identity.forget_before(event);
        dropped
    }

    /// Drop all that can be dropped; bytes of it.
    pub(super) fn forget(&mut self) -> u64 {
        self.begin = Begin::Nowhere;
        self.since = None;
        if let Some(last) = self.chunks.back() {
            self.kept_from = last.end_event;
        }
        let chunks: u64 = self
            .chunks
            .drain(..)
            .map(|one| one.bytes.len() as u64)
            .sum();
        let snapshots: u64 = self.snapshots.drain(..).map(|one| one.size()).sum();
        chunks + snapshots
    }

    /// All bytes.
    pub(super) fn size(&self) -> u64 {
        let chunks: u64 = self.chunks.iter().map(|one| one.bytes.len() as u64).sum();
        let snapshots = self.snapshots.iter().chain(&self.incoming);
        let snapshots: u64 = snapshots.map(Snapshot::size).sum();
        chunks + snapshots + self.end.as_ref().map_or(0, |end| end.len() as u64)
    }
}
