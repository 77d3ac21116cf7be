//! Asynchronous I/O of the kernel (`io_submit` and its relatives), performed here: each request is carried out
//! when it is submitted, which a kernel that is fast enough does, too. The kernel itself would write to the
//! program's memory at any time, behind the back of the log.
//!
//! The ring of completions lies in the program's memory, as the kernel's does: libraries look there before they
//! ask (`aio_ring` of fs/aio.c, which the program knows by its address).

mod request;
mod ring;
mod wait;

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::syscall2;
use reenact_trace::Tag;

use crate::call::{Call, Outcome};
use crate::{address_space, guest, patch};
use request::Performed;
use ring::Ring;

/// In a forked child the contexts are its parent's.
pub fn after_fork() {
    ring::forget_all();
}

/// Whether there are contexts.
pub fn any() -> bool {
    ring::any()
}

/// Perform one of the calls.
#[inline(never)]
pub fn perform(call: &mut Call<'_>) -> Outcome {
    match call.number {
        numbers::IO_SETUP => Outcome::Done(set_up(call)),
        numbers::IO_DESTROY => Outcome::Done(destroy(call)),
        numbers::IO_SUBMIT => submit(call),
        numbers::IO_CANCEL => Outcome::Done(cancel(call)),
        _ => wait::events(call),
    }
}

/// `io_setup(count, context)`.
fn set_up(call: &mut Call<'_>) -> i64 {
    let [count, place, ..] = call.args;
    let Some(before) = guest::read_u64(place) else {
        return -EFAULT;
    };
    let count = count as u32;
    if before != 0 || count == 0 {
        return -EINVAL;
    }
    let ring = match ring::create(count, &mut call.event) {
        Ok(ring) => ring,
        Err(error) => return error,
    };
    let id = ring.address.to_le_bytes();
    if !guest::write(place, &id) {
        remove(call, ring);
        return -EFAULT;
    }
    call.event.bytes(Tag::Write, place, &id);
    0
}

/// `io_destroy(context)`: nothing is under way.
fn destroy(call: &mut Call<'_>) -> i64 {
    let Some(ring) = ring::find(call.args[0]) else {
        return -EINVAL;
    };
    remove(call, ring);
    // Who waits there gets an error (fs/aio.c: aio_read_events).
    wait::wake();
    0
}

fn remove(call: &mut Call<'_>, ring: &mut Ring) {
    let (address, length) = (ring.address, ring.length);
    ring.address = 0;
    // SAFETY: what `create` has mapped.
    unsafe { syscall2(MUNMAP, address, length) };
    address_space::unmap(address, length);
    patch::forget(address, length);
    call.event.bytes(Tag::Unmap, address, &length.to_le_bytes());
}

/// `io_submit(context, count, blocks)`.
fn submit(call: &mut Call<'_>) -> Outcome {
    let [context, count, blocks, ..] = call.args;
    let Some(ring) = ring::find(context).filter(|_| count as i64 >= 0) else {
        return Outcome::Done(-EINVAL);
    };
    let mut done = 0;
    while done < count.min(u64::from(ring.entries)) {
        let at = guest::read_u64(blocks.wrapping_add(done * 8));
        let performed = match at {
            Some(_) if ring.room() == 0 => Performed::Refused(-EAGAIN),
            Some(at) => request::perform(call, ring, at),
            None => Performed::Refused(-EFAULT),
        };
        match performed {
            Performed::Done => done += 1,
            Performed::Refused(error) if done == 0 => return Outcome::Done(error),
            Performed::Interrupted if done == 0 => return Outcome::Interrupted,
            Performed::Refused(_) | Performed::Interrupted => break,
        }
    }
    if done > 0 {
        wait::wake();
    }
    Outcome::Done(done as i64)
}

/// `io_cancel(context, block, result)`: every request is complete.
fn cancel(call: &Call<'_>) -> i64 {
    let mut key = [0u8; 4];
    if !guest::read(call.args[1].wrapping_add(request::KEY_AT), &mut key) {
        return -EFAULT;
    }
    -EINVAL
}
