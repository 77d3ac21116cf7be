//! Writes event records into the ring.
//!
//! An event is built in place and becomes visible to the supervisor as a whole, when `head`
//! moves. One that grows beyond the largest record is published in parts: `Data` events first.

use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall4, syscall6};
use reenact_trace::arena::{RING_OFFSET, RING_SIZE};
use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::event::MAX_EVENT_SIZE;
use reenact_trace::layout::{SLOT_ADDRESS, THREADS_ADDRESS};
use reenact_trace::{EventHeader, EventKind, MapRecord, Registers, Tag};

use crate::{address_space, arena, guest, time_stamps, waiting_notes};

/// False once recording has stopped; the program goes on without us writing anything.
static RECORDING: AtomicBool = AtomicBool::new(true);
static NEXT_EVENT: AtomicU64 = AtomicU64::new(0);
/// Events that say where the program is: all but notes. Of this memory, not of this log: a forked child counts on.
static PLACES: AtomicU64 = AtomicU64::new(0);
/// Where in the ring the last record is; 0: there is none.
static LAST_RECORD: AtomicU64 = AtomicU64::new(0);
/// Whether an event is under construction: another one would be built in the same place.
static BUILDING: AtomicBool = AtomicBool::new(false);

/// Whether an event is under construction.
pub fn is_building() -> bool {
    BUILDING.load(Ordering::Relaxed)
}

/// Whether events still go anywhere.
pub fn recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// Stop recording this process for good.
pub fn stop() {
    // SAFETY: a fixed place in our own region.
    unsafe {
        syscall6(
            MMAP,
            DISCARD_ADDRESS,
            2 * MAX_EVENT_SIZE as u64,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
            u64::MAX,
            0,
        )
    };
    RECORDING.store(false, Ordering::Relaxed);
}

/// How often the log has said where the program is.
pub fn places() -> u64 {
    PLACES.load(Ordering::Relaxed)
}

/// The header of the last record, which is still where it was written; `None` before the first one.
pub fn last_record() -> Option<EventHeader> {
    let at = LAST_RECORD.load(Ordering::Relaxed);
    // SAFETY: in the ring, which stays mapped, and not overwritten before there is a later one.
    (at != 0).then(|| unsafe { *(at as *const EventHeader) })
}

/// Index the next event will have.
pub fn next_event() -> u64 {
    NEXT_EVENT.load(Ordering::Relaxed)
}

/// Begin a fresh log (after fork), or continue the one in the mapped slot (after exec).
pub fn continue_from_slot() {
    // A forked child has its parent's memory, with the event of the fork begun.
    BUILDING.store(false, Ordering::Relaxed);
    LAST_RECORD.store(0, Ordering::Relaxed);
    NEXT_EVENT.store(
        arena::slot().events.load(Ordering::Relaxed),
        Ordering::Relaxed,
    );
}

/// Ticks of the time-stamp counter in a millisecond, near enough for what is decided by it.
pub const TICKS_PER_MS: u64 = 2_500_000;

/// The time-stamp counter.
#[inline]
pub fn time() -> u64 {
    time_stamps::now()
}

/// The header of an event under construction, at its place in the ring: nothing is copied when the
/// event is finished. (A copy by vector registers of what has just been written word by word
/// waits until all older stores have reached the cache, those to the ring among them.)
pub struct Header(*mut EventHeader);

impl Deref for Header {
    type Target = EventHeader;

    fn deref(&self) -> &EventHeader {
        // SAFETY: in the part of the ring not yet published, which is ours; aligned, as records are.
        unsafe { &*self.0 }
    }
}

impl DerefMut for Header {
    fn deref_mut(&mut self) -> &mut EventHeader {
        // SAFETY: as above.
        unsafe { &mut *self.0 }
    }
}

/// An event under construction. Dropping it without `commit` leaves no trace of it. When another one
/// is begun, this one is lost, its header too, unless it was [`Builder::set_aside`].
pub struct Builder {
    pub header: Header,
    /// Bytes used so far.
    used: usize,
    attachments: u32,
}

/// Most bytes of one attachment, but for the few that belong to them.
pub const LONGEST_PIECE: usize = 128 * 1024;

/// Room for the last attachment headers of an event; data is split before it is touched.
const RESERVE: usize = 4096;

impl Builder {
    /// Begin an event of the current thread.
    #[inline]
    pub fn new(kind: EventKind, code: u16) -> Builder {
        let time = time();
        wait_for_room();
        BUILDING.store(true, Ordering::Relaxed);
        let mut builder = Builder {
            header: Header(record_address() as *mut EventHeader),
            used: EventHeader::SIZE,
            attachments: 0,
        };
        let header = &mut *builder.header;
        header.kind = kind as u8;
        header.flags = 0;
        header.code = code;
        header.tid = crate::thread::current().tid;
        header.time = time;
        header.ip = 0;
        header.register_checksum = 0;
        header.result = 0;
        header.args = [0; 6];
        builder
    }

    fn start(&self) -> u64 {
        self.header.0 as u64
    }

    /// Others will write to the log before this event is finished: publish its attachments. Its
    /// header, with which it goes on afterwards ([`Builder::go_on`]).
    pub fn set_aside(&mut self) -> EventHeader {
        if self.attachments > 0 {
            self.split();
        }
        // A note comes before what follows: behind the end of a process nobody would read it.
        BUILDING.store(false, Ordering::Relaxed);
        *self.header
    }

    /// Go on with an event that was set aside.
    pub fn go_on(&mut self, header: &EventHeader) {
        self.begin(header);
        BUILDING.store(true, Ordering::Relaxed);
    }

    /// Begin another event in place of this one, which has been set aside and logged.
    pub fn replace(&mut self, kind: EventKind, code: u16) {
        let fresh = Builder::new(kind, code);
        self.header = Header(fresh.header.0);
        self.used = fresh.used;
        self.attachments = fresh.attachments;
        // Dropped, it would say that no event is under construction.
        core::mem::forget(fresh);
    }

    /// A place for a record with this header and nothing else yet.
    fn begin(&mut self, header: &EventHeader) {
        wait_for_room();
        self.header = Header(record_address() as *mut EventHeader);
        *self.header = *header;
        self.used = EventHeader::SIZE;
        self.attachments = 0;
    }

    /// Publish what there is as a `Data` event and begin anew.
    #[cold]
    fn split(&mut self) {
        let header = *self.header;
        self.header.kind = EventKind::Data as u8;
        self.publish();
        self.begin(&header);
    }

    fn make_room(&mut self, length: usize) {
        if self.used + AttachmentHeader::total_size(length) > MAX_EVENT_SIZE - RESERVE {
            self.split();
        }
    }

    /// Append an attachment's header and return the address of its payload.
    fn begin_attachment(&mut self, tag: Tag, address: u64, length: usize) -> u64 {
        self.make_room(length);
        let at = self.start() + self.used as u64;
        let header = AttachmentHeader {
            tag: tag as u16,
            flags: 0,
            length: length as u32,
            address,
        };
        // SAFETY: inside the ring (or its second mapping), in the part not yet published; the
        // last word is cleared first so that padding is zero.
        unsafe {
            let total = AttachmentHeader::total_size(length);
            if total > AttachmentHeader::SIZE {
                ((at + total as u64 - 8) as *mut u64).write(0);
            }
            (at as *mut AttachmentHeader).write(header);
        }
        self.used += AttachmentHeader::total_size(length);
        self.attachments += 1;
        at + AttachmentHeader::SIZE as u64
    }

    /// Attach bytes of ours; long ones in several attachments.
    pub fn bytes(&mut self, tag: Tag, address: u64, bytes: &[u8]) {
        const PIECE: usize = 64 * 1024;
        if bytes.is_empty() {
            self.begin_attachment(tag, address, 0);
        }
        for (index, piece) in bytes.chunks(PIECE).enumerate() {
            let to = self.begin_attachment(tag, address + (index * PIECE) as u64, piece.len());
            // SAFETY: `to` has room for the piece.
            unsafe {
                core::ptr::copy_nonoverlapping(piece.as_ptr(), to as *mut u8, piece.len());
            }
        }
    }

    /// Attach a few bytes of ours with flags.
    pub fn flagged(&mut self, tag: Tag, flags: u16, address: u64, bytes: &[u8]) {
        let to = self.begin_attachment(tag, address, bytes.len());
        // SAFETY: `to` has room for the bytes, behind the header.
        unsafe {
            (*((to - AttachmentHeader::SIZE as u64) as *mut AttachmentHeader)).flags = flags;
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len());
        }
    }

    /// Attach `length` bytes, at most a piece, that `fill` writes; nothing if it fails.
    pub fn filled(
        &mut self,
        tag: Tag,
        address: u64,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> bool {
        let to = self.begin_attachment(tag, address, length);
        // SAFETY: `to` has room for the bytes, which are ours until they are published.
        let into = unsafe { core::slice::from_raw_parts_mut(to as *mut u8, length) };
        let is_filled = fill(into);
        if !is_filled {
            self.used -= AttachmentHeader::total_size(length);
            self.attachments -= 1;
        }
        is_filled
    }

    /// Attach the program's memory as it is now. Unreadable parts are left out: the program
    /// cannot have seen them either.
    pub fn guest_memory(&mut self, address: u64, length: u64) {
        let mut done = 0;
        while done < length {
            let piece = (length - done).min(LONGEST_PIECE as u64);
            let read = |into: &mut [u8]| guest::read(address + done, into);
            if !self.filled(Tag::Write, address + done, piece as usize, read) {
                self.pages(address + done, piece);
            }
            done += piece;
        }
    }

    /// The same of what a call has written; zeros, as of sparse files, are only told: neither ring nor trace nor replay has
    /// to carry them.
    pub fn written_memory(&mut self, address: u64, length: u64) {
        /// Fewer bytes are told no shorter.
        const SHORTEST: u64 = 64;
        if !(SHORTEST..=LONGEST_PIECE as u64).contains(&length) {
            return self.guest_memory(address, length);
        }
        let mut is_zero = false;
        let is_read = self.filled(Tag::Write, address, length as usize, |into| {
            let is_read = guest::read(address, into);
            is_zero = is_read && are_zeros(into);
            is_read && !is_zero
        });
        if is_zero {
            self.bytes(Tag::Zero, address, &length.to_le_bytes());
        } else if !is_read {
            self.pages(address, length);
        }
    }

    /// The slow way for a range with holes: page by page.
    #[cold]
    fn pages(&mut self, address: u64, length: u64) {
        let mut at = address;
        let end = address + length;
        let mut page = [0u8; 4096];
        while at < end {
            let next = ((at & !4095) + 4096).min(end);
            let part = &mut page[..(next - at) as usize];
            if guest::read(at, part) {
                self.bytes(Tag::Write, at, part);
            }
            at = next;
        }
    }

    pub fn registers(&mut self, registers: &Registers) {
        self.bytes(Tag::Registers, 0, registers.as_bytes());
    }

    /// The `siginfo_t` of a signal.
    pub fn signal_information(&mut self, info: &[u64; 16]) {
        // SAFETY: plain words as bytes.
        let bytes = unsafe { core::slice::from_raw_parts(info.as_ptr().cast::<u8>(), 128) };
        self.bytes(Tag::SignalInfo, 0, bytes);
    }

    /// A mapping has been made.
    pub fn map(&mut self, address: u64, map: &MapRecord) {
        address_space::map(address, map);
        self.bytes(Tag::Map, address, map.as_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(Tag::Text, 0, text.as_bytes());
    }

    /// Order this event among those of all processes.
    pub fn sequence(&mut self) {
        let number = arena::header().sequence.fetch_add(1, Ordering::Relaxed);
        self.bytes(Tag::Sequence, number, &[]);
    }

    pub fn process(&mut self, process: u32, pid: u32) {
        let payload = u64::from(process) | u64::from(pid) << 32;
        self.bytes(Tag::Process, 0, &payload.to_le_bytes());
    }

    /// Log a note before this event, which stays under construction: for an event that may never
    /// be finished.
    pub fn note_before(&mut self, text: &str) {
        let mut kept = [0u8; 2048];
        let used = self.used;
        if used > kept.len() {
            return note(text);
        }
        // SAFETY: the part of the ring not yet published, then and now; both hold `used` bytes.
        unsafe {
            core::ptr::copy_nonoverlapping(self.start() as *const u8, kept.as_mut_ptr(), used);
            BUILDING.store(false, Ordering::Relaxed);
            note(text);
            wait_for_room();
            self.header = Header(record_address() as *mut EventHeader);
            core::ptr::copy_nonoverlapping(kept.as_ptr(), self.start() as *mut u8, used);
        }
        BUILDING.store(true, Ordering::Relaxed);
    }

    fn publish(&mut self) {
        self.header.size = self.used as u32;
        self.header.attachments = self.attachments;
        if !recording() {
            return;
        }
        let slot = arena::slot();
        let event = NEXT_EVENT.load(Ordering::Relaxed) + 1;
        NEXT_EVENT.store(event, Ordering::Relaxed);
        slot.events.store(event, Ordering::Relaxed);
        LAST_RECORD.store(self.start(), Ordering::Relaxed);
        let head = slot.head.load(Ordering::Relaxed);
        slot.head.store(head + self.used as u64, Ordering::Release);
        // Wake the supervisor when the ring passes the half-way mark, not at every event.
        let filled = head + self.used as u64 - slot.tail.load(Ordering::Relaxed);
        if filled > RING_SIZE / 2
            && arena::header().supervisor_sleeping.load(Ordering::Relaxed) == 1
        {
            arena::ring_doorbell();
        }
    }

    /// Finish the event and make it visible. Returns its index.
    pub fn commit(mut self) -> u64 {
        let index = next_event();
        if self.header.kind != EventKind::Note as u8 {
            PLACES.store(places() + 1, Ordering::Relaxed);
        }
        self.publish();
        drop(self);
        if waiting_notes::any() {
            log_waiting_notes();
        }
        index
    }
}

/// Log a note; while an event is under construction, after that event.
#[cold]
pub fn note(text: &str) {
    if is_building() {
        return waiting_notes::add(text);
    }
    let mut event = Builder::new(EventKind::Note, 0);
    event.text(text);
    event.header.flags = reenact_trace::event::flags::IMMEDIATE;
    event.commit();
}

#[cold]
fn log_waiting_notes() {
    for text in waiting_notes::take() {
        note(text.as_str());
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        BUILDING.store(false, Ordering::Relaxed);
    }
}

/// Where events are built that nobody will read: once recording has stopped, the ring may be
/// full of events that the supervisor still wants.
const DISCARD_ADDRESS: u64 = THREADS_ADDRESS - (1 << 30);

fn record_address() -> u64 {
    if !recording() {
        return DISCARD_ADDRESS;
    }
    let head = arena::slot().head.load(Ordering::Relaxed);
    SLOT_ADDRESS + RING_OFFSET + (head & (RING_SIZE - 1))
}

/// Wait until a whole record fits. If the supervisor has stopped or is gone, recording stops
/// and the program goes on.
#[inline]
fn wait_for_room() {
    // The supervisor takes nothing any more (dead, disk full, told to stop): the program goes on.
    if !arena::header().has_reader() && recording() {
        stop();
    }
    let slot = arena::slot();
    let head = slot.head.load(Ordering::Relaxed);
    let filled = head.wrapping_sub(slot.tail.load(Ordering::Acquire));
    if filled + MAX_EVENT_SIZE as u64 <= RING_SIZE {
        return;
    }
    wait_slowly(head);
}

#[cold]
fn wait_slowly(head: u64) {
    let slot = arena::slot();
    let header = arena::header();
    loop {
        if !recording() {
            return;
        }
        if !header.has_reader() {
            return stop();
        }
        let space = slot.space.load(Ordering::Acquire);
        slot.waiting.store(1, Ordering::SeqCst);
        let filled = head.wrapping_sub(slot.tail.load(Ordering::SeqCst));
        if filled + MAX_EVENT_SIZE as u64 <= RING_SIZE {
            slot.waiting.store(0, Ordering::Relaxed);
            return;
        }
        arena::ring_doorbell();
        let timeout = [0u64, arena::LOOK_AGAIN_NS];
        // SAFETY: a futex word in shared memory and a timespec on our stack.
        unsafe {
            syscall4(
                FUTEX,
                &raw const slot.space as u64,
                FUTEX_WAIT,
                u64::from(space),
                timeout.as_ptr() as u64,
            )
        };
    }
}

/// Whether all bytes are zeros; of others that is mostly seen by the first ones.
pub fn are_zeros(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let is_zero = |block: &[u8; 64]| {
        let words = block.as_chunks::<8>().0.iter();
        words.fold(0, |all, word| all | u64::from_le_bytes(*word)) == 0
    };
    blocks.iter().all(is_zero) && rest.iter().all(|&byte| byte == 0)
}
