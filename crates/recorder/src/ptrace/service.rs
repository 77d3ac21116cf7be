//! What a stopped thread does for its tracer: its registers and memory are looked at and changed by itself. Changes
//! go into its log at once.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2};
use reenact_interpose::extended_state::{ExtendedState, XSAVE_MAX};
use reenact_trace::ptrace::{asked, link_state, Link};
use reenact_trace::registers::TRAP_FLAG;

use super::registers::{self, LEGACY, ORIG_RAX, RAX, WORDS};
use super::stopped::{in_call, option, resume, Stopped};
use super::{debug_registers, links, stopped_memory};
use crate::signal;

/// Numbers of requests that the tracee serves (include/uapi/linux/ptrace.h).
pub mod request {
    pub const PEEK_TEXT: u64 = 1;
    pub const PEEK_DATA: u64 = 2;
    pub const PEEK_USER: u64 = 3;
    pub const POKE_TEXT: u64 = 4;
    pub const POKE_DATA: u64 = 5;
    pub const POKE_USER: u64 = 6;
    pub const GET_REGISTERS: u64 = 12;
    pub const SET_REGISTERS: u64 = 13;
    pub const GET_LEGACY: u64 = 14;
    pub const SET_LEGACY: u64 = 15;
    pub const LISTEN: u64 = 0x4208;
    pub const GET_SET: u64 = 0x4204;
    pub const SET_SET: u64 = 0x4205;
    pub const GET_MASK: u64 = 0x420a;
    pub const SET_MASK: u64 = 0x420b;
    pub const CALL_INFO: u64 = 0x420e;
    /// Ours: memory of any length.
    pub const READ: u64 = 1 << 32;
    pub const WRITE: u64 = (1 << 32) + 1;
}

/// Sets of registers (include/uapi/linux/elf.h).
const GENERAL: u64 = 1;
const LEGACY_SET: u64 = 2;
const VECTORS: u64 = 0x202;

/// How a thread goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resumed {
    /// With this signal; 0: none.
    pub signal: u32,
    pub is_detached: bool,
    /// It listened for the end of its group's stop, and that has come.
    pub is_continued: bool,
}

/// How long a stopped thread sleeps before it looks whether its tracer lives.
const LOOK_NS: u64 = 50_000_000;

/// Do what is asked for until the thread is let go on.
pub fn serve(stopped: &mut Stopped<'_>) -> Resumed {
    let link = stopped.link;
    loop {
        let posted = link.posted.load(Ordering::Acquire);
        if posted != link.answered.load(Ordering::Relaxed) {
            let resumed = answer(stopped);
            if resumed.is_some() {
                link.status.store(0, Ordering::Relaxed);
                link.state.store(link_state::RUNNING, Ordering::Release);
            }
            link.answered.store(posted, Ordering::Release);
            links::wake(&link.answered);
            if let Some(resumed) = resumed {
                return resumed;
            }
            continue;
        }
        let is_released = link.asked.load(Ordering::Acquire) & asked::RELEASE != 0;
        if is_released || !links::is_alive(link.tracer_process.load(Ordering::Relaxed)) {
            if link.options.load(Ordering::Relaxed) & option::EXITKILL != 0 {
                end_with_tracer();
            }
            return Resumed {
                is_detached: true,
                ..Resumed::default()
            };
        }
        if link.state.load(Ordering::Acquire) == link_state::LISTENING && has_to_look(stopped) {
            link.state.store(link_state::RUNNING, Ordering::Release);
            return Resumed {
                is_continued: true,
                ..Resumed::default()
            };
        }
        links::sleep(&link.posted, posted, LOOK_NS);
    }
}

/// Kill the calling process: its tracer wants it to end with itself.
fn end_with_tracer() {
    // SAFETY: what PTRACE_O_EXITKILL asks for.
    unsafe { syscall2(KILL, syscall0(GETPID) as u64, u64::from(SIGKILL)) };
}

/// Whether a thread that listens stops anew: its group goes on, or its tracer wants it to. A group goes on when SIGCONT is
/// sent, also where that is blocked (prepare_signal, kernel/signal.c).
fn has_to_look(stopped: &Stopped<'_>) -> bool {
    stopped.link.asked.load(Ordering::Acquire) & asked::TRAP != 0
        || signal::queue::is_there(stopped.thread, SIGCONT)
        || signal::is_kept_by_kernel(SIGCONT)
}

/// Answer the request at hand; how the thread goes on, if that is what it was.
fn answer(stopped: &mut Stopped<'_>) -> Option<Resumed> {
    let link = stopped.link;
    let [number, address, data] = [0, 1, 2].map(|at| link.request[at].load(Ordering::Relaxed));
    let by = number as u32;
    if number <= 0xff && is_resumption(by) {
        link.result.store(0, Ordering::Relaxed);
        link.resumed_by.store(by, Ordering::Relaxed);
        set_step(
            stopped,
            matches!(by, resume::SINGLESTEP | resume::SYSEMU_SINGLESTEP),
        );
        return Some(Resumed {
            signal: data as u32,
            is_detached: by == resume::DETACH,
            is_continued: false,
        });
    }
    // SAFETY: a request is posted and not answered.
    let room = unsafe { links::room(link) };
    let sent = link.sent.load(Ordering::Relaxed) as usize;
    let mut returned = 0;
    let result = match number {
        request::PEEK_TEXT | request::PEEK_DATA => {
            returned = 8;
            stopped_memory::read(address, &mut room[..8])
        }
        request::READ => {
            returned = sent;
            stopped_memory::read(address, &mut room[..sent])
        }
        request::POKE_TEXT | request::POKE_DATA => {
            stopped_memory::write(stopped, address, &mut data.to_le_bytes())
        }
        request::WRITE => stopped_memory::write(stopped, address, &mut room[..sent]),
        request::PEEK_USER => {
            returned = 8;
            peek_user(stopped, address, room)
        }
        request::POKE_USER => poke_user(stopped, address, data),
        request::GET_REGISTERS => {
            returned = get_general(stopped, room);
            0
        }
        request::SET_REGISTERS => set_general(stopped, &room[..sent]),
        request::GET_LEGACY => {
            returned = get_vectors(stopped, room).min(LEGACY);
            0
        }
        request::SET_LEGACY => set_vectors(stopped, &room[..sent]),
        request::GET_SET => {
            let length = match address {
                GENERAL => get_general(stopped, room),
                LEGACY_SET => get_vectors(stopped, room).min(LEGACY),
                VECTORS => get_vectors(stopped, room),
                _ => 0,
            };
            returned = length.min(sent);
            if length == 0 {
                -EINVAL
            } else {
                0
            }
        }
        request::SET_SET => match address {
            GENERAL => set_general(stopped, &room[..sent]),
            LEGACY_SET => set_vectors(stopped, &room[..sent]),
            // All of it or nothing (xstateregs_set of arch/x86/kernel/fpu/regset.c).
            VECTORS if sent as u64 != signal::components().size => -EFAULT,
            VECTORS => set_vectors(stopped, &room[..sent]),
            _ => -EINVAL,
        },
        request::GET_MASK => {
            returned = 8;
            room[..8].copy_from_slice(&stopped.thread.mask.to_le_bytes());
            0
        }
        request::SET_MASK => {
            set_mask(stopped, &room[..8]);
            0
        }
        request::CALL_INFO => {
            returned = call_info(stopped, room);
            returned as i64
        }
        _ => -EIO,
    };
    link.result.store(result, Ordering::Relaxed);
    let returned = if result < 0 { 0 } else { returned };
    link.returned.store(returned as u32, Ordering::Relaxed);
    None
}

/// Let the thread trap behind its next instruction, or not.
fn set_step(stopped: &mut Stopped<'_>, steps: bool) {
    stopped.thread.is_stepped = steps;
    let is_set = stopped.thread.frame.registers.rflags & TRAP_FLAG != 0;
    if is_set == steps {
        return;
    }
    stopped.in_turn(|stopped| {
        stopped.know_place();
        let before = stopped.thread.frame.registers;
        stopped.thread.frame.registers.rflags ^= TRAP_FLAG;
        let mut event = stopped.begin_change(&before);
        stopped.attach_registers(&mut event);
        event.commit();
    });
}

/// Whether a request lets the thread go on.
pub fn is_resumption(number: u32) -> bool {
    use resume::*;
    matches!(
        number,
        CONT | SINGLESTEP | DETACH | SYSCALL | SYSEMU | SYSEMU_SINGLESTEP
    )
}

fn words(stopped: &Stopped<'_>) -> [u64; WORDS] {
    registers::read(stopped.thread, stopped.shown)
}

fn put_words(words: &[u64], room: &mut [u8]) -> usize {
    for (to, word) in room.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    words.len() * 8
}

fn get_general(stopped: &Stopped<'_>, room: &mut [u8]) -> usize {
    put_words(&words(stopped), room)
}

fn set_general(stopped: &mut Stopped<'_>, bytes: &[u8]) -> i64 {
    let mut new = words(stopped);
    for (word, bytes) in new.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut one = [0; 8];
        one.copy_from_slice(bytes);
        *word = u64::from_le_bytes(one);
    }
    set_words(stopped, &new)
}

/// Set the general registers; what that changes is logged, but for the number and the result of a system call
/// that the thread is in.
fn set_words(stopped: &mut Stopped<'_>, new: &[u64; WORDS]) -> i64 {
    let old = words(stopped);
    if old == *new {
        return 0;
    }
    stopped.in_turn(|stopped| {
        let is_only_call = (0..WORDS).all(|at| {
            let is_of_call = stopped.shown.result.is_some() && matches!(at, RAX | ORIG_RAX);
            is_of_call || old[at] == new[at]
        });
        stopped.know_place();
        let before = stopped.thread.frame.registers;
        let mut shown = stopped.shown;
        if !registers::write(stopped.thread, new, &mut shown) {
            return -EIO;
        }
        stopped.shown = shown;
        if !is_only_call {
            let mut event = stopped.begin_change(&before);
            stopped.attach_registers(&mut event);
            event.commit();
            stopped.changed();
        }
        0
    })
}

fn get_vectors(stopped: &Stopped<'_>, room: &mut [u8]) -> usize {
    let mut area = ExtendedState([0; XSAVE_MAX]);
    let length = registers::read_vectors(stopped.thread, &mut area);
    room[..length].copy_from_slice(&area.0[..length]);
    length
}

fn set_vectors(stopped: &mut Stopped<'_>, bytes: &[u8]) -> i64 {
    if bytes.len() < LEGACY {
        return -EINVAL;
    }
    stopped.in_turn(|stopped| {
        stopped.know_place();
        if !registers::write_vectors(stopped.thread, bytes) {
            return -EINVAL;
        }
        let before = stopped.thread.frame.registers;
        let mut event = stopped.begin_change(&before);
        signal::attach_vectors(&mut event, &stopped.thread.frame);
        event.commit();
        0
    })
}

/// `struct user`: the registers, and behind them what debuggers of old wanted.
const DEBUG_REGISTERS: u64 = 848;
const DEBUG_END: u64 = DEBUG_REGISTERS + 8 * 8;
const USER_SIZE: u64 = 912;

fn peek_user(stopped: &Stopped<'_>, offset: u64, room: &mut [u8]) -> i64 {
    if !offset.is_multiple_of(8) || offset >= USER_SIZE {
        return -EIO;
    }
    let word = if (DEBUG_REGISTERS..DEBUG_END).contains(&offset) {
        debug_registers::read(stopped.thread, debug_register(offset))
    } else {
        let words = words(stopped);
        words.get(offset as usize / 8).copied().unwrap_or(0)
    };
    room[..8].copy_from_slice(&word.to_le_bytes());
    0
}

fn poke_user(stopped: &mut Stopped<'_>, offset: u64, value: u64) -> i64 {
    if !offset.is_multiple_of(8) || offset >= USER_SIZE {
        return -EIO;
    }
    if let Some(index) = (offset < WORDS as u64 * 8).then_some(offset as usize / 8) {
        let mut new = words(stopped);
        new[index] = value;
        return set_words(stopped, &new);
    }
    if !(DEBUG_REGISTERS..DEBUG_END).contains(&offset) {
        return -EIO;
    }
    debug_registers::write(stopped.thread, debug_register(offset), value)
}

fn debug_register(offset: u64) -> usize {
    ((offset - DEBUG_REGISTERS) / 8) as usize
}

fn set_mask(stopped: &mut Stopped<'_>, bytes: &[u8]) {
    let mut mask = [0; 8];
    mask.copy_from_slice(bytes);
    let unblockable = signal::bit(SIGKILL) | signal::bit(SIGSTOP);
    stopped.thread.mask = u64::from_le_bytes(mask) & !unblockable;
    signal::set_kernel_mask(stopped.thread);
}

/// `struct ptrace_syscall_info`.
fn call_info(stopped: &Stopped<'_>, room: &mut [u8]) -> usize {
    const ARCHITECTURE: u64 = 0xc000_003e;
    const NONE: u64 = 0;
    const ENTRY: u64 = 1;
    const EXIT: u64 = 2;
    const FILTER: u64 = 3;
    let r = stopped.thread.frame.registers;
    let number = stopped.shown.number as u64;
    let arguments = [number, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9, 0];
    let (kind, rest, length) = match stopped.link.in_call.load(Ordering::Relaxed) {
        in_call::BEGINS => (ENTRY, arguments, 80),
        in_call::IN_FILTER => {
            let mut shown = arguments;
            shown[7] = stopped.link.message.load(Ordering::Relaxed);
            (FILTER, shown, 84)
        }
        in_call::ENDS => {
            let result = stopped.shown.result.unwrap_or(r.rax);
            let is_error = (-4095..0).contains(&(result as i64));
            (EXIT, [result, u64::from(is_error), 0, 0, 0, 0, 0, 0], 33)
        }
        _ => (NONE, [0; 8], 24),
    };
    put_words(&[kind | ARCHITECTURE << 32, r.rip, r.rsp], room);
    put_words(&rest, &mut room[24..]);
    length
}

/// What the tracer sees of a signal's stop.
pub fn info_of(link: &Link) -> [u64; 16] {
    core::array::from_fn(|index| link.info[index].load(Ordering::Relaxed))
}

const _: () = assert!(XSAVE_MAX <= reenact_trace::ptrace::ROOM);
