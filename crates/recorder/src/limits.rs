//! The limit of address space. The kernel counts our mappings as the program's own, so its limit is
//! higher than the program's by as much.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall4};
use reenact_trace::arena::SLOTS_OFFSET;
use reenact_trace::Tag;

use crate::call::{Call, Outcome};
use crate::{arena, guest};

/// What we map in a process, at most: the arena's header and tables, slots, stacks, trampolines.
const OURS: u64 = SLOTS_OFFSET + (64 << 20);
const INFINITY: u64 = u64::MAX;

/// Soft and hard limit (`struct rlimit64`).
#[derive(Clone, Copy)]
struct Limit([u64; 2]);

impl Limit {
    /// The kernel's for the one a program sets. What the recording began with stays as it is, which
    /// is also the most that a program without privileges can have.
    fn for_kernel(self, now: Limit) -> Limit {
        let [soft, hard] = self.0.map(|value| {
            let is_kept = value == INFINITY || is_first(value);
            if is_kept {
                value
            } else {
                value.saturating_add(OURS).min(INFINITY - 1)
            }
        });
        if self.0[0] > self.0[1] {
            // Refused: let the kernel say so.
            return self;
        }
        let is_no_raise = self.0[1] <= now.for_program().0[1];
        let hard = if is_no_raise {
            hard.min(now.0[1])
        } else {
            hard
        };
        Limit([soft.min(hard), hard])
    }

    /// The program's for the kernel's.
    fn for_program(self) -> Limit {
        Limit(self.0.map(|value| {
            if value == INFINITY || is_first(value) {
                value
            } else {
                value.saturating_sub(OURS)
            }
        }))
    }
}

/// Whether the recording began with this limit, which the program has from elsewhere.
fn is_first(value: u64) -> bool {
    arena::header().address_space_limit.contains(&value)
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
    if resource as u32 != RLIMIT_AS as u32 || (pid != 0 && pid != own && pid != call.thread.tid) {
        return None;
    }
    Some(Outcome::Done(change(call, new_at, old_at)))
}

fn change(call: &mut Call<'_>, new_at: u64, old_at: u64) -> i64 {
    let mut now = Limit([0; 2]);
    let result = ask(None, Some(&mut now));
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
        let result = ask(Some(&wanted.for_kernel(now)), None);
        if result < 0 {
            return result;
        }
    }
    if old_at != 0 || call.number == GETRLIMIT {
        let [soft, hard] = now.for_program().0;
        let bytes = (u128::from(hard) << 64 | u128::from(soft)).to_le_bytes();
        if !guest::write(old_at, &bytes) {
            return -EFAULT;
        }
        call.event.bytes(Tag::Write, old_at, &bytes);
    }
    0
}

/// The kernel's limit of this process.
fn ask(new: Option<&Limit>, old: Option<&mut Limit>) -> i64 {
    let new = new.map_or(0, |limit| &raw const limit.0 as u64);
    let old = old.map_or(0, |limit| &raw mut limit.0 as u64);
    // SAFETY: limits of ours.
    unsafe { syscall4(PRLIMIT64, 0, RLIMIT_AS, new, old) }
}
