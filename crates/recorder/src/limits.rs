//! The limits of address space and of data. The kernel counts our mappings as the program's own, so its limits are
//! higher than the program's, by more than we map, and what the program maps is counted here.
//!
//! Of the limit of file sizes only the hard one is higher: we go up to it for files of ours ([`crate::file_size_limit`]).

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall4};
use reenact_trace::arena::LIMIT_MARGIN;
use reenact_trace::Tag;

use crate::call::{Call, Outcome};
use crate::{address_space, arena, guest, heap};

pub const INFINITY: u64 = u64::MAX;

/// The program's soft limits, and the hard one of data. They are read when an image begins.
static SPACE: AtomicU64 = AtomicU64::new(INFINITY);
static DATA: AtomicU64 = AtomicU64::new(INFINITY);
static MOST_DATA: AtomicU64 = AtomicU64::new(INFINITY);
/// Bytes of the program's own data, which count with its heap segment.
static IMAGE_DATA: AtomicU64 = AtomicU64::new(0);

/// A new image begins, with so many bytes of data in its file.
pub fn begin(image_data: u64) {
    IMAGE_DATA.store(image_data, Ordering::Relaxed);
    for resource in [RLIMIT_AS, RLIMIT_DATA] {
        let mut now = Limit([0; 2]);
        if ask(resource, None, Some(&mut now)) == 0 {
            remember(resource, now.for_program(resource));
        }
    }
}

fn remember(resource: u64, limit: Limit) {
    let [soft, hard] = limit.0;
    match resource {
        RLIMIT_AS => SPACE.store(soft, Ordering::Relaxed),
        RLIMIT_DATA => {
            DATA.store(soft, Ordering::Relaxed);
            MOST_DATA.store(hard, Ordering::Relaxed);
        }
        // The kernel looks after it.
        _ => (),
    }
}

/// Whether there is a limit that a mapping could meet.
fn any() -> bool {
    SPACE.load(Ordering::Relaxed) != INFINITY || DATA.load(Ordering::Relaxed) != INFINITY
}

/// Whether the limits let so many bytes be mapped, in place of what is mapped of a range (mm/mmap.c: may_expand_vm).
pub fn allow(length: u64, is_data: bool, [from, to]: [u64; 2]) -> bool {
    if !any() {
        return true;
    }
    let [all, data] = address_space::sizes_outside(from, to);
    let [space, most] = [&SPACE, &DATA].map(|limit| limit.load(Ordering::Relaxed) & !(PAGE - 1));
    let data = data.saturating_add(length);
    // Valgrind sets it to nothing.
    let is_nothing = most == 0 && data <= MOST_DATA.load(Ordering::Relaxed);
    all.saturating_add(length) <= space && (!is_data || data <= most || is_nothing)
}

/// Where in a range the first mapping is that must not become data, as it would be more than the limit (mm/mprotect.c:
/// mprotect_fixup).
pub fn first_beyond(address: u64, length: u64) -> Option<u64> {
    let most = DATA.load(Ordering::Relaxed) & !(PAGE - 1);
    if DATA.load(Ordering::Relaxed) == INFINITY {
        return None;
    }
    let [_, mut data] = address_space::sizes_outside(0, 0);
    let end = address.saturating_add(length);
    let mut beyond = None;
    address_space::for_areas(address, end, |area| {
        if !area.would_be_data() {
            return;
        }
        let (from, to) = (area.start.max(address), area.end.min(end));
        data += to.saturating_sub(from);
        if data > most && beyond.is_none() {
            beyond = Some(from);
        }
    });
    beyond
}

/// The same for the heap segment, which may end there (mm/mmap.c: brk).
pub fn allow_break(wanted: u64) -> bool {
    let Some([growth, length]) = heap::growth(wanted).filter(|_| any()) else {
        return true;
    };
    let of_image = IMAGE_DATA.load(Ordering::Relaxed);
    length.saturating_add(of_image) <= DATA.load(Ordering::Relaxed) && allow(growth, true, [0, 0])
}

/// Soft and hard limit (`struct rlimit64`).
#[derive(Clone, Copy)]
pub struct Limit(pub [u64; 2]);

impl Limit {
    /// The kernel's for the one a program sets. What the recording began with stays as it is, which
    /// is also the most that a program without privileges can have.
    fn for_kernel(self, resource: u64, now: Limit) -> Limit {
        let higher = |value: u64| {
            let is_kept = value == INFINITY || is_first(resource, value);
            if is_kept {
                value
            } else {
                value.saturating_add(LIMIT_MARGIN).min(INFINITY - 1)
            }
        };
        let soft = if resource == RLIMIT_FSIZE {
            self.0[0]
        } else {
            higher(self.0[0])
        };
        let hard = higher(self.0[1]);
        if self.0[0] > self.0[1] {
            // Refused: let the kernel say so.
            return self;
        }
        let is_no_raise = self.0[1] <= now.for_program(resource).0[1];
        let hard = if is_no_raise {
            hard.min(now.0[1])
        } else {
            hard
        };
        Limit([soft.min(hard), hard])
    }

    /// The program's for the kernel's.
    pub fn for_program(self, resource: u64) -> Limit {
        let lower = |value| {
            if value == INFINITY || is_first(resource, value) {
                value
            } else {
                value.saturating_sub(LIMIT_MARGIN)
            }
        };
        let [soft, hard] = self.0;
        if resource == RLIMIT_FSIZE {
            return Limit([soft, lower(hard)]);
        }
        Limit([lower(soft), lower(hard)])
    }
}

/// Whether the recording began with this limit, which the program has from elsewhere.
fn is_first(resource: u64, value: u64) -> bool {
    let header = arena::header();
    let first = match resource {
        RLIMIT_AS => &header.address_space_limit,
        RLIMIT_DATA => &header.data_limit,
        _ => &header.file_size_limit,
    };
    first.contains(&value)
}

/// `getrlimit`, `setrlimit`, `prlimit64`. `None`: the kernel's own affair.
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    let [first, second, third, fourth, ..] = call.args;
    let (pid, resource, new_at, old_at) = match call.number {
        GETRLIMIT => (0, first, 0, second),
        SETRLIMIT => (0, first, second, 0),
        _ => (first as u32, second, third, fourth),
    };
    // SAFETY: no effect.
    let own = unsafe { syscall0(GETPID) as u32 };
    let resource = u64::from(resource as u32);
    let is_ours = matches!(resource, RLIMIT_AS | RLIMIT_DATA | RLIMIT_FSIZE);
    if !is_ours || (pid != 0 && pid != own && pid != call.thread.tid) {
        return None;
    }
    Some(Outcome::Done(change(call, resource, new_at, old_at)))
}

fn change(call: &mut Call<'_>, resource: u64, new_at: u64, old_at: u64) -> i64 {
    let mut now = Limit([0; 2]);
    let result = ask(resource, None, Some(&mut now));
    if result < 0 {
        return result;
    }
    let must_be_given = call.number == SETRLIMIT;
    if new_at != 0 || must_be_given {
        let mut bytes = [0u8; 16];
        if !guest::read(new_at, &mut bytes) {
            return -EFAULT;
        }
        let wanted = u128::from_le_bytes(bytes);
        let wanted = Limit([wanted as u64, (wanted >> 64) as u64]);
        let result = ask(resource, Some(&wanted.for_kernel(resource, now)), None);
        if result < 0 {
            return result;
        }
        remember(resource, wanted);
    }
    if old_at != 0 || call.number == GETRLIMIT {
        let [soft, hard] = now.for_program(resource).0;
        let bytes = (u128::from(hard) << 64 | u128::from(soft)).to_le_bytes();
        if !guest::write(old_at, &bytes) {
            return -EFAULT;
        }
        call.event.bytes(Tag::Write, old_at, &bytes);
    }
    0
}

/// The kernel gets the limits that the program believes in.
pub fn give_back() {
    for resource in [RLIMIT_AS, RLIMIT_DATA] {
        let mut now = Limit([0; 2]);
        if ask(resource, None, Some(&mut now)) == 0 {
            let programs = now.for_program(resource);
            if programs.0 != now.0 {
                ask(resource, Some(&programs), None);
            }
        }
    }
}

/// The kernel's limit of this process.
fn ask(resource: u64, new: Option<&Limit>, old: Option<&mut Limit>) -> i64 {
    let new = new.map_or(0, |limit| &raw const limit.0 as u64);
    let old = old.map_or(0, |limit| &raw mut limit.0 as u64);
    // SAFETY: limits of ours.
    unsafe { syscall4(PRLIMIT64, 0, resource, new, old) }
}
