//! Answers to what others ask of a recording in a ring.

use std::sync::atomic::Ordering;
use std::time::Instant;

use reenact_trace::snapshot::obstacle;

use super::{note, Drain};
use crate::requests::{Request, Status};
use crate::tracked::Tracked;

impl Drain {
    pub(super) fn answer_requests(&mut self, now: Instant) {
        for request in self.control.clone().requests.take() {
            // Whoever has asked may be gone.
            match request {
                Request::Status(answer) => drop(answer.send(self.status(now))),
                // Nothing could be replayed yet.
                Request::Save(_) if self.is_beginning => self.control.ask(request),
                Request::Save(answer) => {
                    for index in 0..self.tracked.len() {
                        self.take(index, now);
                    }
                    if let Some(ring) = self.sink.ring() {
                        drop(answer.send(ring.saved()));
                    }
                }
                Request::SaveOn(moment, answer) => {
                    if let Some(ring) = self.sink.ring() {
                        ring.save_on = moment;
                        let _ = answer.send(());
                    }
                }
                Request::Where(pid, answer) => drop(answer.send(self.place_of(pid, now))),
                Request::Stop(answer) => {
                    let text = "recording stopped by `reenact stop`; the program went on";
                    self.stop_wanted = Some(text);
                    let _ = answer.send(());
                }
            }
        }
        self.note_excess();
    }

    fn place_of(&mut self, pid: u32, now: Instant) -> Option<(u32, u64)> {
        let is_it = |one: &Tracked| one.pid == pid && one.snapshot.is_none() && !one.ended;
        let index = self.tracked.iter().position(is_it)?;
        self.take(index, now);
        let tracked = &self.tracked[index];
        Some((tracked.process, tracked.events))
    }

    fn status(&mut self, now: Instant) -> Status {
        let obstacles = self.obstacles();
        let (events, is_stopped) = (self.report.events, self.stopped_at.is_some());
        let Some(ring) = self.sink.ring() else {
            return Status::default();
        };
        let (bytes, highest) = ring.size();
        Status {
            limit: ring.limit(),
            bytes,
            highest,
            events,
            reach: ring.reach(now),
            processes: ring.snippets(),
            obstacles,
            is_stopped,
        }
    }

    /// Living processes that have taken no snapshot when they were asked last, and why.
    fn obstacles(&self) -> Vec<(u32, u32, &'static str)> {
        let told = self.tracked.iter().filter(|one| one.snapshot.is_none());
        told.filter_map(|one| {
            let slot = self.arena.slot(one.slot);
            let why = match slot.obstacle.load(Ordering::Relaxed) {
                obstacle::SHARED_MEMORY => "it has memory that it shares with others",
                obstacle::COMPANIONS => "another process runs in its memory",
                obstacle::TURNS => "it runs in turns with processes that share its memory",
                obstacle::PTRACE => "it traces a process, or is traced",
                obstacle::CHILDREN_DIFFER => {
                    "its children begin in another pid namespace, or its threads wait for children of all kinds"
                }
                _ => return None,
            };
            Some((one.process, one.pid, why))
        })
        .collect()
    }

    /// Remember whether the ring is larger than it should be, and which processes are why.
    fn note_excess(&mut self) {
        if self.sink.ring().is_none_or(|ring| !ring.is_excessive()) {
            return;
        }
        let mut excess = self.excess.take().unwrap_or_default();
        for (process, pid, why) in self.obstacles() {
            excess.entry(process).or_insert((pid, why));
        }
        self.excess = Some(excess);
    }

    /// Say that the ring was larger than it should have been, and why.
    pub(super) fn tell_of_excess(&mut self) {
        let Some(excess) = self.excess.take() else {
            return;
        };
        let why = match excess.first_key_value() {
            Some((process, (pid, why))) => {
                format!("process {process} (pid {pid}) takes no snapshots, as {why}")
            }
            None => "its snapshots are large (give it a larger --ring)".to_owned(),
        };
        let text = format!("more was kept than the ring should hold: {why}");
        note(&mut self.report.messages, &text);
    }
}
