//! What is dropped when there is too much.

use super::identity::TurnBegun;
use super::kept::{Begin, Kept};
use super::saved::{LeftOut, Why};
use super::{Ring, MOST_LEFT_OUT};

/// A thing to drop.
#[derive(Clone, Copy, Debug)]
enum Drop {
    /// A process begins later.
    Advance(u32, Begin),
    /// Nothing of a process that has ended is kept.
    All(u32),
    /// Nothing of a process is kept until it takes a snapshot.
    Forget(u32),
}

impl Ring {
    /// Drop the oldest until what is left fits, as far as that goes.
    pub(super) fn trim(&mut self) {
        while self.bytes > self.limit {
            let Some(drops) = self.oldest() else { return };
            for drop in drops {
                self.carry_out(drop);
            }
        }
    }

    /// What can be dropped of the process whose next part is the oldest.
    fn oldest(&self) -> Option<Vec<Drop>> {
        let mut candidates: Vec<(u64, Drop)> = Vec::new();
        for (&number, kept) in &self.processes {
            if let Some(next) = kept.next_snapshot() {
                let begin = Begin::Snapshot(next.event);
                candidates.push((next.order, Drop::Advance(number, begin)));
            } else if kept.end.is_some() {
                candidates.push((kept.last_order, Drop::All(number)));
            } else if let (Begin::Nowhere, Some(last)) = (kept.begin, kept.chunks.back()) {
                candidates.push((last.order, Drop::Forget(number)));
            }
        }
        candidates.sort_unstable_by_key(|&(order, _)| order);
        candidates.into_iter().find_map(|(_, drop)| {
            let mut drops = vec![drop];
            let event = match drop {
                Drop::Advance(_, begin) => begin.event().unwrap_or(0),
                _ => u64::MAX,
            };
            let (Drop::Advance(number, _) | Drop::All(number) | Drop::Forget(number)) = drop;
            let is_possible = self.add_children(number, event, &mut drops)
                && self.keeps_turns(&mut drops)
                && self.leaves_enough(&drops);
            is_possible.then_some(drops)
        })
    }

    /// Whether nobody that is kept waits for turns that are not. Those who share memory go together: when all have ended, or
    /// when one that goes on has a snapshot with all that the others have left.
    fn keeps_turns(&self, drops: &mut Vec<Drop>) -> bool {
        let mut is_possible = true;
        for drop in drops.clone() {
            match drop {
                Drop::Advance(number, begin) => {
                    let event = begin.event().unwrap_or(0);
                    let had_turns = |first: TurnBegun| first.event <= event;
                    if self.first_turn(number).is_some_and(had_turns) {
                        is_possible &= self.drop_before(number, event, drops);
                    }
                }
                Drop::Forget(number) => is_possible &= self.first_turn(number).is_none(),
                Drop::All(number) if self.first_turn(number).is_some() => {
                    is_possible &= self.drop_with_turns(drops);
                }
                Drop::All(_) => {}
            }
        }
        is_possible
    }

    fn first_turn(&self, number: u32) -> Option<TurnBegun> {
        self.processes.get(&number)?.identity.first_turn
    }

    /// Have all with turns dropped; false: one goes on.
    fn drop_with_turns(&self, drops: &mut Vec<Drop>) -> bool {
        for (&number, kept) in &self.processes {
            if kept.identity.first_turn.is_some() {
                if kept.end.is_none() {
                    return false;
                }
                add_once(drops, number);
            }
        }
        true
    }

    /// Have those dropped that had their turns before the snapshot of a process behind an event; false: one goes on.
    fn drop_before(&self, process: u32, event: u64, drops: &mut Vec<Drop>) -> bool {
        let snapshots = self.processes.get(&process).map(|kept| &kept.snapshots);
        let mut snapshots = snapshots.into_iter().flatten();
        let Some(snapshot) = snapshots.find(|snapshot| snapshot.event == event) else {
            return false;
        };
        for (&number, kept) in &self.processes {
            let Some(first) = kept.identity.first_turn.filter(|_| number != process) else {
                continue;
            };
            let is_later = snapshot
                .turn
                .is_some_and(|(group, turn)| first.group == group && first.number > turn);
            if is_later {
                continue;
            }
            if kept.end.is_none() || kept.last_order > snapshot.order {
                return false;
            }
            add_once(drops, number);
        }
        true
    }

    /// Whether something is left that a person could want: the last of a process that has ended may be all there is.
    fn leaves_enough(&self, drops: &[Drop]) -> bool {
        let size = |drop: &Drop| match drop {
            Drop::All(number) => self.processes.get(number).map_or(0, Kept::size),
            Drop::Advance(..) | Drop::Forget(_) => 0,
        };
        let lost: u64 = drops.iter().map(size).sum();
        lost == 0 || self.bytes - lost >= self.limit / 2
    }

    /// What becomes of the children that a process forked up to an event, which is dropped; false: it has to stay, as one
    /// of them needs it.
    fn add_children(&self, parent: u32, event: u64, drops: &mut Vec<Drop>) -> bool {
        // Children have higher numbers.
        let later = self.processes.range(parent.saturating_add(1)..);
        for (&number, kept) in later {
            let Some((forked_by, at)) = kept.identity.fork() else {
                continue;
            };
            if forked_by != parent || at > event || kept.begin != Begin::Start {
                continue;
            }
            if kept.end.is_some() {
                drops.push(Drop::All(number));
                if !self.add_children(number, u64::MAX, drops) {
                    return false;
                }
                continue;
            }
            let executed = kept
                .identity
                .last_executed()
                .map(|image| image.first_record);
            let begin = match kept.next_snapshot() {
                Some(first) => Begin::Snapshot(first.event),
                None => match executed.and_then(|first| first.checked_sub(1)) {
                    Some(behind) => Begin::Image(behind),
                    None if self.is_idle(kept.last_order) => Begin::Nowhere,
                    None => return false,
                },
            };
            drops.push(match begin {
                Begin::Nowhere => Drop::Forget(number),
                begin => Drop::Advance(number, begin),
            });
            if !self.add_children(number, begin.event().unwrap_or(u64::MAX), drops) {
                return false;
            }
        }
        true
    }

    /// Whether a process has done nothing since all were asked for snapshots, so that it cannot have taken one.
    fn is_idle(&self, last_order: u64) -> bool {
        last_order <= self.asked_at
    }

    fn carry_out(&mut self, drop: Drop) {
        match drop {
            Drop::Advance(number, begin) => {
                if let Some(kept) = self.processes.get_mut(&number) {
                    self.bytes -= kept.advance(begin);
                }
            }
            Drop::Forget(number) => {
                if let Some(kept) = self.processes.get_mut(&number) {
                    self.bytes -= kept.forget();
                }
            }
            Drop::All(number) => {
                if let Some(kept) = self.processes.remove(&number) {
                    self.bytes -= kept.size();
                    self.left_out_count += 1;
                    if self.left_out.len() >= MOST_LEFT_OUT {
                        self.left_out.remove(0);
                    }
                    self.left_out.push(LeftOut {
                        number,
                        pid: kept.pid,
                        program: kept.identity.program(),
                        why: Why::Ended,
                    });
                }
            }
        }
    }
}

fn add_once(drops: &mut Vec<Drop>, number: u32) {
    let is_there = |drop: &Drop| matches!(drop, Drop::All(other) if *other == number);
    if !drops.iter().any(is_there) {
        drops.push(Drop::All(number));
    }
}
