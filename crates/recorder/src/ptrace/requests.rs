//! `ptrace` as a tracer calls it.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3};
use reenact_trace::ptrace::{asked, link_state, Link, ROOM};
use reenact_trace::Tag;

use super::service::{self, request};
use super::stopped::{event, option};
use super::stops;
use super::{asking, links, notice};
use crate::call::{Call, Outcome};
use crate::{arena, companions, guest, message, other_processes, scheduler, text};

/// Numbers of requests that are not the tracee's (include/uapi/linux/ptrace.h).
const TRACEME: u64 = 0;
const KILL_TRACEE: u64 = 8;
const ATTACH: u64 = 16;
const SET_OPTIONS: u64 = 0x4200;
const GET_EVENT_MESSAGE: u64 = 0x4201;
const GET_SIGNAL_INFO: u64 = 0x4202;
const SET_SIGNAL_INFO: u64 = 0x4203;
const SEIZE: u64 = 0x4206;
const INTERRUPT: u64 = 0x4207;

/// Words of `struct user_regs_struct`, bytes.
const GENERAL_SIZE: usize = super::registers::WORDS * 8;
const MASK_SIZE: u64 = 8;

/// `ptrace(request, pid, address, data)`.
pub fn perform(call: &mut Call<'_>) -> Outcome {
    let [number, pid, address, data, ..] = call.args;
    let result = match number {
        TRACEME => trace_me(call),
        ATTACH => attach(pid as u32, None),
        SEIZE if address != 0 => -EIO,
        SEIZE => attach(pid as u32, Some(data as u32)),
        _ => match own_tracee(pid as u32) {
            None => -ESRCH,
            Some(link) => about(call, link, [number, address, data]),
        },
    };
    Outcome::Done(result)
}

fn trace_me(call: &mut Call<'_>) -> i64 {
    // SAFETY: no effect.
    let parent = unsafe { syscall0(GETPPID) } as u32;
    if call.thread.link != 0 {
        return -EPERM;
    }
    if !other_processes::is_recorded(parent) {
        if core::mem::replace(&mut call.thread.is_traced_in_name, true) {
            return -EPERM;
        }
        message::once(
            "ptrace: the program asks its parent to trace it, which is not recorded: it was told that this is so, and it is not",
        );
        return 0;
    }
    let tid = call.thread.tid;
    let Some(index) = links::claim(tid, links::own_process(), parent) else {
        return -EPERM;
    };
    call.thread.link = index as u32 + 1;
    stops::adopt(call.thread);
    // It may wait in the kernel already, which knows of no tracee.
    notice::wake_waiting(parent);
    0
}

/// Whether a thread of another process than the caller's has this memory, too, and so is in this log.
pub fn has_this_memory(tid: u32) -> bool {
    let first = arena::slot().pid.load(Ordering::Relaxed);
    // SAFETY: asks whether there is such a thread in that process.
    let is_of_first = || unsafe { syscall3(TGKILL, u64::from(first), u64::from(tid), 0) } == 0;
    companions::is_one(tid) || is_of_first()
}

/// The process of a recorded thread.
fn process_of(tid: u32) -> u32 {
    let first = other_processes::look_into(tid, arena::slot().pid.as_ptr().cast())
        .map_or(tid, |word| word as u32);
    // SAFETY: asks whether there is such a thread in that process.
    let is_thread = unsafe { syscall3(TGKILL, u64::from(first), u64::from(tid), 0) } == 0;
    if is_thread {
        first
    } else {
        tid
    }
}

fn attach(tid: u32, seize: Option<u32>) -> i64 {
    const SI_KERNEL: u64 = 0x80;
    if seize.is_some_and(|options| options & !option::ALL != 0) {
        return -EINVAL;
    }
    let magic = core::ptr::from_ref(&arena::header().magic);
    match other_processes::look_into(tid, magic) {
        Ok(found) if found == arena::header().magic => {}
        Err(error) if error == -ESRCH || error == -EPERM => return error,
        _ => {
            message::once(
                "ptrace: only recorded programs can be traced inside a recording; the program was told EPERM",
            );
            return -EPERM;
        }
    }
    let process = process_of(tid);
    if process == links::own_process() {
        return -EPERM;
    }
    let Some(index) = links::claim(0, process, links::own_process()) else {
        return -EAGAIN;
    };
    let link = links::link(index);
    let ask = match seize {
        None => {
            for (at, word) in link.stop_info.iter().enumerate() {
                let value = [u64::from(SIGSTOP), SI_KERNEL];
                word.store(value.get(at).copied().unwrap_or(0), Ordering::Relaxed);
            }
            asked::SIGSTOP
        }
        Some(options) => {
            link.is_seized.store(1, Ordering::Relaxed);
            link.options.store(options, Ordering::Relaxed);
            asked::NOTICE
        }
    };
    link.asked.store(ask, Ordering::Relaxed);
    if links::find(tid).is_some() {
        links::free(index);
        return -EPERM;
    }
    links::name(index, tid, process);
    notice::send(link);
    if seize.is_some() && !scheduler::is_shared() {
        await_notice(link);
    }
    0
}

/// A thread that is seized does not stop. The next signals that are sent to it are to come to its recorder already.
fn await_notice(link: &Link) {
    const LOOK_NS: u64 = 1_000_000;
    for _ in 0..100 {
        let asked = link.asked.load(Ordering::Acquire);
        if asked & asked::NOTICE == 0 {
            return;
        }
        links::sleep(&link.asked, asked, LOOK_NS);
    }
}

/// The link of a thread that this process traces.
fn own_tracee(tid: u32) -> Option<&'static Link> {
    let link = links::link(links::find(tid)?);
    let is_own = link.tracer_process.load(Ordering::Relaxed) == links::own_process();
    is_own.then_some(link)
}

fn about(call: &mut Call<'_>, link: &'static Link, [number, address, data]: [u64; 3]) -> i64 {
    let state = link.state.load(Ordering::Acquire);
    match number {
        KILL_TRACEE => {
            let tid = link.tracee.load(Ordering::Relaxed);
            // SAFETY: the program asks for it.
            unsafe { syscall2(TKILL, u64::from(tid), u64::from(SIGKILL)) };
            return 0;
        }
        INTERRUPT => {
            if link.is_seized.load(Ordering::Relaxed) == 0 {
                return -EIO;
            }
            if matches!(state, link_state::RUNNING | link_state::LISTENING) {
                link.asked.fetch_or(asked::TRAP, Ordering::AcqRel);
                links::wake(&link.posted);
                notice::send(link);
            }
            return 0;
        }
        _ if state != link_state::STOPPED => return -ESRCH,
        _ => {}
    }
    match number {
        SET_OPTIONS => {
            if data as u32 & !option::ALL != 0 || data >> 32 != 0 {
                return -EINVAL;
            }
            link.options.store(data as u32, Ordering::Relaxed);
            0
        }
        GET_EVENT_MESSAGE => give(
            call,
            data,
            &link.message.load(Ordering::Relaxed).to_le_bytes(),
        ),
        GET_SIGNAL_INFO => {
            if link.is_group_stop.load(Ordering::Relaxed) != 0 {
                return -EINVAL;
            }
            let info = service::info_of(link).map(u64::to_le_bytes);
            give(call, data, info.as_flattened())
        }
        SET_SIGNAL_INFO => set_signal_info(link, data),
        _ => by_tracee(call, link, [number, address, data]),
    }
}

fn set_signal_info(link: &Link, address: u64) -> i64 {
    let mut info = [[0u8; 8]; 16];
    if !guest::read(address, info.as_flattened_mut()) {
        return -EFAULT;
    }
    for (to, word) in link.info.iter().zip(info) {
        to.store(u64::from_le_bytes(word), Ordering::Relaxed);
    }
    0
}

/// Write for the program and log it.
fn give(call: &mut Call<'_>, address: u64, bytes: &[u8]) -> i64 {
    if !guest::write(address, bytes) {
        return -EFAULT;
    }
    call.event.bytes(Tag::Write, address, bytes);
    0
}

/// A request that the stopped thread serves itself.
fn by_tracee(call: &mut Call<'_>, link: &'static Link, [number, address, data]: [u64; 3]) -> i64 {
    use request::*;
    if number <= 0xff && service::is_resumption(number as u32) && data > 64 {
        return -EIO;
    }
    // SAFETY: nothing is posted.
    let room = unsafe { links::room(link) };
    let mut send = [number, address, data];
    let sent = match number {
        PEEK_TEXT | PEEK_DATA | PEEK_USER | POKE_TEXT | POKE_DATA | POKE_USER => 0,
        GET_REGISTERS | GET_LEGACY => 0,
        SET_REGISTERS => read_argument(data, &mut room[..GENERAL_SIZE]),
        SET_LEGACY => read_argument(data, &mut room[..super::registers::LEGACY]),
        GET_SET | SET_SET => {
            let (Some(base), Some(length)) = (guest::read_u64(data), guest::read_u64(data + 8))
            else {
                return -EFAULT;
            };
            send[2] = base;
            let length = length.min(ROOM as u64) as usize;
            if number == GET_SET {
                length as i64
            } else {
                read_argument(base, &mut room[..length])
            }
        }
        GET_MASK | SET_MASK if address != MASK_SIZE => -EINVAL,
        SET_MASK => read_argument(data, &mut room[..8]),
        GET_MASK | CALL_INFO => 0,
        LISTEN => return listen(link),
        _ if number <= 0xff && service::is_resumption(number as u32) => 0,
        _ => {
            let text = text!(
                "ptrace: request {number:#x} is not known inside a recording; the program was told EIO"
            );
            message::once(text.as_str());
            return -EIO;
        }
    };
    if sent < 0 {
        return sent;
    }
    let result = asking::ask(call, link, send, sent as usize);
    if result < 0 {
        return result;
    }
    let returned = link.returned.load(Ordering::Relaxed) as usize;
    let answer = &room[..returned.min(ROOM)];
    match number {
        GET_SET => {
            let written = give(call, send[2], answer);
            let length = give(call, data + 8, &(returned as u64).to_le_bytes());
            written.min(length)
        }
        SET_SET => 0,
        CALL_INFO => {
            let length = (address as usize).min(answer.len());
            match give(call, data, &answer[..length]) {
                0 => result,
                error => error,
            }
        }
        _ if returned > 0 => give(call, data, answer),
        _ => 0,
    }
}

fn listen(link: &Link) -> i64 {
    let code = link.info[1].load(Ordering::Relaxed) as u32;
    if link.is_seized.load(Ordering::Relaxed) == 0 || code >> 8 != event::STOP {
        return -EIO;
    }
    link.status.store(0, Ordering::Relaxed);
    link.state.store(link_state::LISTENING, Ordering::Release);
    0
}

fn read_argument(address: u64, into: &mut [u8]) -> i64 {
    if guest::read(address, into) {
        into.len() as i64
    } else {
        -EFAULT
    }
}

/// The tracer ends: its tracees go on without it, or end with it.
pub fn let_go_of_all() {
    if !links::any() {
        return;
    }
    for (_, link) in links::traced_by(links::own_process()) {
        if link.options.load(Ordering::Relaxed) & option::EXITKILL != 0 {
            let tid = link.tracee.load(Ordering::Relaxed);
            // SAFETY: the program has asked for it.
            unsafe { syscall2(TKILL, u64::from(tid), u64::from(SIGKILL)) };
            continue;
        }
        link.asked.fetch_or(asked::RELEASE, Ordering::AcqRel);
        links::wake(&link.posted);
        notice::send(link);
    }
}
