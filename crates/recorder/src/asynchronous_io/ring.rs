//! Contexts, and their rings of completions in the program's memory (`struct aio_ring` of fs/aio.c).

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4, syscall6};
use reenact_trace::{FileId, MapRecord, Tag};

use crate::around_region;
use crate::guest::{self, page_up};
use crate::log::Builder;

/// Most contexts of one process.
const MOST: usize = 256;
/// `struct io_event`: the request's word, its address, result, a second result.
pub const EVENT: u64 = 32;
const HEADER: u64 = 32;
/// Where the header has these (`id`, `nr`, `head`, `tail`, `magic`, two words of features, its own length).
const HEAD_AT: u64 = 8;
const TAIL_AT: u64 = 12;
const MAGIC: u32 = 0xa10a_10a1;

/// One context.
#[derive(Clone, Copy)]
pub struct Ring {
    /// Where it lies, which is what the program calls it; 0: there is none.
    pub address: u64,
    pub length: u64,
    /// Places in the ring; one stays free.
    pub entries: u32,
    tail: u32,
}

static mut RINGS: [Ring; MOST] = [Ring {
    address: 0,
    length: 0,
    entries: 0,
    tail: 0,
}; MOST];

fn rings() -> &'static mut [Ring] {
    // SAFETY: one thread at a time.
    unsafe { core::slice::from_raw_parts_mut((&raw mut RINGS).cast(), MOST) }
}

/// The context of this name.
pub fn find(context: u64) -> Option<&'static mut Ring> {
    rings()
        .iter_mut()
        .find(|ring| context != 0 && ring.address == context)
}

pub fn any() -> bool {
    rings().iter().any(|ring| ring.address != 0)
}

pub fn forget_all() {
    for ring in rings() {
        ring.address = 0;
    }
}

/// `/proc/sys/fs/aio-max-nr`, or what it is by default.
fn most_requests() -> u64 {
    const DEFAULT: u64 = 0x1_0000;
    let mut text = [0u8; 32];
    // SAFETY: a name and a buffer of ours; a descriptor of ours.
    let count = unsafe {
        let name = c"/proc/sys/fs/aio-max-nr".as_ptr() as u64;
        let file = syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0);
        if file < 0 {
            return DEFAULT;
        }
        let count = syscall3(READ, file as u64, text.as_mut_ptr() as u64, 32);
        syscall2(CLOSE, file as u64, 0);
        count
    };
    let digits = text[..count.max(0) as usize]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| {
        value * 10 + u64::from(digit.wrapping_sub(b'0'))
    })
}

/// Processors this process may use.
fn processors() -> u32 {
    let mut mask = [0u64; 128];
    // SAFETY: a buffer of ours.
    let size = unsafe {
        let at = mask.as_mut_ptr() as u64;
        syscall3(numbers::SCHED_GETAFFINITY, 0, size_of_val(&mask) as u64, at)
    };
    let words = size.max(0) as usize / 8;
    mask[..words].iter().map(|word| word.count_ones()).sum()
}

/// Make a context for so many requests, with a ring as large as the kernel's (`ioctx_alloc`); or -errno.
pub fn create(requests: u32, event: &mut Builder) -> Result<&'static mut Ring, i64> {
    const LARGEST: u64 = 0x1000_0000 / EVENT;
    let wanted = u64::from(requests.max(4 * processors())) * 2;
    if wanted > LARGEST {
        return Err(-EINVAL);
    }
    let free = rings().iter_mut().find(|ring| ring.address == 0);
    let Some(ring) = free.filter(|_| u64::from(requests) <= most_requests()) else {
        return Err(-EAGAIN);
    };
    let length = page_up(HEADER + (wanted + 2) * EVENT);
    let entries = ((length - HEADER) / EVENT) as u32;
    let flags = MAP_PRIVATE | MAP_ANONYMOUS;
    let protection = PROT_READ | PROT_WRITE;
    // SAFETY: fresh memory.
    let make = || unsafe { syscall6(MMAP, 0, length, protection, flags, u64::MAX, 0) };
    let address = around_region::placed(length, make, |at| {
        // SAFETY: we have just made it.
        unsafe { syscall2(MUNMAP, at, length) };
    });
    if address < 0 {
        return Err(-ENOMEM);
    }
    *ring = Ring {
        address: address as u64,
        length,
        entries,
        tail: 0,
    };
    let record = MapRecord {
        length,
        protection: protection as u32,
        flags: flags as u32,
        file: FileId::NONE.0,
        ..MapRecord::default()
    };
    event.map(ring.address, &record);
    let number = (ring.address / PAGE) as u32;
    let header = [number, entries, 0, 0, MAGIC, 1, 0, HEADER as u32];
    for (index, word) in header.into_iter().enumerate() {
        ring.set(index as u64 * 4, word, event);
    }
    Ok(ring)
}

impl Ring {
    /// Store a word of the header.
    fn set(&self, at: u64, word: u32, event: &mut Builder) {
        store(self.address + at, &word.to_le_bytes(), event);
    }

    /// Where the program, which may take completions itself, has left the head.
    fn head(&self) -> u32 {
        let mut word = [0u8; 4];
        let _ = guest::read(self.address + HEAD_AT, &mut word);
        u32::from_le_bytes(word) % self.entries
    }

    /// Completions that wait.
    pub fn waiting(&self) -> u32 {
        (self.tail + self.entries - self.head()) % self.entries
    }

    /// How many more completions it has room for.
    pub fn room(&self) -> u32 {
        self.entries - 1 - self.waiting()
    }

    fn place(&self, index: u32) -> u64 {
        self.address + HEADER + u64::from(index) * EVENT
    }

    /// Add a completion; there is room.
    pub fn push(&mut self, completion: [u64; 4], event: &mut Builder) {
        store(self.place(self.tail), &bytes_of(&completion), event);
        self.tail = (self.tail + 1) % self.entries;
        self.set(TAIL_AT, self.tail, event);
    }

    /// Give the program at most so many completions; how many, or -errno.
    pub fn take(&self, most: u64, to: u64, event: &mut Builder) -> i64 {
        let mut head = self.head();
        let mut taken = 0;
        while taken < most && head != self.tail {
            let mut completion = [0u8; EVENT as usize];
            let at = to.wrapping_add(taken * EVENT);
            if !guest::read(self.place(head), &mut completion) || !guest::write(at, &completion) {
                if taken == 0 {
                    return -EFAULT;
                }
                break;
            }
            event.bytes(Tag::Write, at, &completion);
            head = (head + 1) % self.entries;
            taken += 1;
        }
        if taken > 0 {
            self.set(HEAD_AT, head, event);
        }
        taken as i64
    }
}

fn bytes_of(words: &[u64; 4]) -> [u8; EVENT as usize] {
    let mut bytes = [0; EVENT as usize];
    for (bytes, word) in bytes.chunks_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Write to the ring; the program may have made it read-only, which the kernel would not mind.
fn store(at: u64, bytes: &[u8], event: &mut Builder) {
    if guest::write(at, bytes) {
        event.bytes(Tag::Write, at, bytes);
    }
}
