//! How a tracer asks a stopped thread, and awaits what it answers.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall3;
use reenact_trace::ptrace::Link;

use super::links;
use super::service::request;
use crate::call::Call;
use crate::released::while_released;
use crate::scheduler;

/// Ask a stopped thread; its answer. `-ESRCH`: it has been killed.
pub fn ask(call: &mut Call<'_>, link: &'static Link, request: [u64; 3], sent: usize) -> i64 {
    for (to, word) in link.request.iter().zip(request) {
        to.store(word, Ordering::Relaxed);
    }
    link.sent.store(sent as u32, Ordering::Relaxed);
    link.returned.store(0, Ordering::Relaxed);
    let posted = link.posted.load(Ordering::Relaxed).wrapping_add(1);
    // What changes the thread it does in its turn: that may be ours.
    let needs_turn = scheduler::is_shared() && changes(request[0]) && !call.thread.vfork_child;
    link.posted.store(posted, Ordering::Release);
    links::wake(&link.posted);
    if needs_turn {
        while_released(call, |_| await_answer(link, posted))
    } else {
        await_answer(link, posted)
    }
}

/// Let a stopped thread read (into `bytes`) or write memory.
pub fn ask_about_memory(
    call: &mut Call<'_>,
    link: &'static Link,
    number: u64,
    address: u64,
    bytes: &mut [u8],
) -> i64 {
    // SAFETY: nothing is posted.
    let room = unsafe { links::room(link) };
    room[..bytes.len()].copy_from_slice(bytes);
    let result = ask(call, link, [number, address, 0], bytes.len());
    if result >= 0 && number == request::READ {
        bytes.copy_from_slice(&room[..bytes.len()]);
    }
    result
}

fn changes(number: u64) -> bool {
    use request::*;
    matches!(
        number,
        POKE_TEXT | POKE_DATA | POKE_USER | SET_REGISTERS | SET_LEGACY | SET_SET | WRITE
    )
}

fn await_answer(link: &Link, posted: u32) -> i64 {
    const LOOK_NS: u64 = 20_000_000;
    loop {
        let answered = link.answered.load(Ordering::Acquire);
        if answered == posted {
            return link.result.load(Ordering::Relaxed);
        }
        links::sleep(&link.answered, answered, LOOK_NS);
        if link.answered.load(Ordering::Acquire) != posted && !exists(link) {
            return -ESRCH;
        }
    }
}

/// Whether the thread of a link has not ended.
pub fn exists(link: &Link) -> bool {
    let process = link.tracee_process.load(Ordering::Relaxed);
    let tid = link.tracee.load(Ordering::Relaxed);
    // SAFETY: asks whether there is such a thread.
    let is_there = unsafe { syscall3(TGKILL, u64::from(process), u64::from(tid), 0) } == 0;
    is_there && links::is_alive(process)
}
