//! A stand-in for recorded processes: publishes events the way the recorder does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reenact_supervisor::Arena;
use reenact_trace::arena::{slot_state, RING_SIZE};
use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::event::start;
use reenact_trace::{EventHeader, EventKind, Tag};

/// An event record with one attachment.
pub fn event(kind: EventKind, code: u16, result: i64, tag: Tag, payload: &[u8]) -> Vec<u8> {
    let total = EventHeader::SIZE + AttachmentHeader::total_size(payload.len());
    let header = EventHeader {
        size: total as u32,
        kind: kind as u8,
        code,
        attachments: 1,
        result,
        ..EventHeader::default()
    };
    let attachment = AttachmentHeader {
        tag: tag as u16,
        flags: 0,
        length: payload.len() as u32,
        address: 7,
    };
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(attachment.as_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(total, 0);
    bytes
}

/// A producer on one slot.
pub struct Producer<'a> {
    arena: &'a Arena,
    slot: usize,
    pub events: u64,
}

impl<'a> Producer<'a> {
    /// Claim the lowest free slot and become active.
    pub fn start(arena: &'a Arena, pid: u32) -> Producer<'a> {
        let slot = claim(arena);
        let block = arena.slot(slot);
        block.pid.store(pid, Ordering::SeqCst);
        block.state.store(slot_state::ACTIVE, Ordering::SeqCst);
        Producer {
            arena,
            slot,
            events: 0,
        }
    }

    pub fn process(&self) -> u32 {
        self.arena.slot(self.slot).process.load(Ordering::SeqCst)
    }

    fn ring_doorbell(&self) {
        let header = self.arena.header();
        header.doorbell.fetch_add(1, Ordering::SeqCst);
        if header.supervisor_sleeping.load(Ordering::SeqCst) == 1 {
            futex(&header.doorbell, libc::FUTEX_WAKE, i32::MAX as u32);
        }
    }

    /// Publish one event; waits for room like the recorder.
    pub fn publish(&mut self, bytes: &[u8]) {
        let slot = self.arena.slot(self.slot);
        let head = slot.head.load(Ordering::SeqCst);
        loop {
            let used = head - slot.tail.load(Ordering::SeqCst);
            if used + bytes.len() as u64 <= RING_SIZE {
                break;
            }
            let space = slot.space.load(Ordering::SeqCst);
            slot.waiting.store(1, Ordering::SeqCst);
            self.ring_doorbell();
            if head - slot.tail.load(Ordering::SeqCst) == used {
                futex(&slot.space, libc::FUTEX_WAIT, space);
            }
            slot.waiting.store(0, Ordering::SeqCst);
        }
        for (offset, &byte) in bytes.iter().enumerate() {
            let at = (head + offset as u64) & (RING_SIZE - 1);
            // SAFETY: room was checked, and this is the slot's only producer.
            unsafe { *self.arena.ring(self.slot).add(at as usize) = byte };
        }
        self.events += 1;
        slot.events.store(self.events, Ordering::SeqCst);
        slot.head.store(head + bytes.len() as u64, Ordering::SeqCst);
    }

    /// Pass the slot on, as a process does just before it exits.
    pub fn end(self) {
        self.arena
            .slot(self.slot)
            .state
            .store(slot_state::ENDED, Ordering::SeqCst);
        self.ring_doorbell();
    }
}

/// Claim the lowest free slot for the next process.
fn claim(arena: &Arena) -> usize {
    let slot = (0..64)
        .find(|&index| {
            let state = &arena.slot(index).state;
            let (free, claimed) = (slot_state::FREE, slot_state::CLAIMED);
            state
                .compare_exchange(free, claimed, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        })
        .expect("a slot is free");
    let number = arena.header().next_process.fetch_add(1, Ordering::SeqCst);
    arena.slot(slot).process.store(number, Ordering::SeqCst);
    slot
}

/// A slot claimed by a parent for a child.
#[allow(dead_code)]
pub struct Claimed<'a> {
    arena: &'a Arena,
    slot: usize,
}

#[allow(dead_code)]
impl<'a> Claimed<'a> {
    /// Claim as process `parent` does in its event `parent_event`, which is a fork.
    pub fn of(arena: &'a Arena, parent: u32, parent_event: u64) -> Claimed<'a> {
        let slot = claim(arena);
        arena.fill_slot(slot, |block| {
            block.exec.start = start::FORK.into();
            block.exec.parent_process = parent;
            block.exec.parent_event = parent_event;
        });
        let block = arena.slot(slot);
        block.announce_child(block.process.load(Ordering::SeqCst));
        Claimed { arena, slot }
    }

    /// The kernel has made the child.
    pub fn child_created(&self, pid: u32) {
        let block = self.arena.slot(self.slot);
        block.child_created(block.process.load(Ordering::SeqCst), pid);
    }

    /// The child takes the slot over.
    pub fn activate(&self, pid: u32) {
        let block = self.arena.slot(self.slot);
        block.pid.store(pid, Ordering::SeqCst);
        block.state.store(slot_state::ACTIVE, Ordering::SeqCst);
    }
}

fn futex(word: &AtomicU32, operation: i32, value: u32) {
    let limit = libc::timespec {
        tv_sec: 0,
        tv_nsec: Duration::from_millis(100).subsec_nanos().into(),
    };
    // SAFETY: the word outlives the call.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, &limit);
    }
}
