//! Keeps the recorder's own descriptors and mappings out of the program's sight, and follows
//! which descriptors are the standard output and error the recording began with.

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3};
use reenact_interpose::extended_state;
use reenact_syscalls::{
    fcntl, ioctl, Class, Content, Descriptors, FcntlDescriptors, Nested, SpecialAction, SystemCall,
    Wait,
};
use reenact_trace::arena::descriptor;
use reenact_trace::checksum::Checksum;
use reenact_trace::event::flags;
use reenact_trace::Tag;

use crate::call::{Call, Outcome};
use crate::guest::GuestMemory;
use crate::snapshot::wishes;
use crate::{
    arena, companions, cpuid, descriptor_table, file_changes, guest, hidden_descriptors,
    output_order, proc_files, streams,
};

/// Answer a call in place of the kernel, where the kernel's answer would show us or harm us.
#[inline(always)]
pub fn answer(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    let mut descriptors = entry.facts.descriptors;
    while descriptors != 0 {
        let index = descriptors.trailing_zeros() as usize;
        if hidden_descriptors::is_hidden(call.args[index]) {
            return Some(Outcome::Done(-EBADF));
        }
        descriptors &= descriptors - 1;
    }
    if entry.facts.is_answered {
        return answer_special(call, entry);
    }
    None
}

/// Whether all descriptors that a call names exist.
pub fn has_descriptors(call: &Call<'_>, entry: &SystemCall) -> bool {
    (0..call.args.len())
        .filter(|index| entry.facts.descriptors & (1 << index) != 0)
        .all(|index| {
            let descriptor = call.args[index];
            // SAFETY: asks for flags.
            let is_open = || unsafe { syscall2(FCNTL, descriptor, numbers::F_GETFD) } >= 0;
            !hidden_descriptors::is_hidden(descriptor) && is_open()
        })
}

#[inline(never)]
fn answer_special(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    match entry.class {
        Class::Special(SpecialAction::CloseRange) => Some(Outcome::Done(close_range(call.args))),
        Class::Special(SpecialAction::ProcessorState) => {
            // To the program, CPUID is an instruction like any other.
            let asks = call.args[0] == cpuid::ARCH_GET_CPUID && cpuid::faults();
            asks.then_some(Outcome::Done(1))
        }
        _ => proc_files::answer(call, entry),
    }
}

/// `close_range` around our descriptors.
#[inline(never)]
fn close_range(args: [u64; 6]) -> i64 {
    let header = arena::header();
    let (first, last, how) = (args[0] as u32, args[1] as u32, args[2]);
    let hidden = header.hidden_descriptors();
    let (low, high) = (*hidden.start() as u32, *hidden.end() as u32);
    let close = |from: u32, to: u32| {
        // SAFETY: a range without our descriptors.
        unsafe { syscall3(CLOSE_RANGE, u64::from(from), u64::from(to), how) }
    };
    const UNSHARE: u64 = 2;
    const CLOEXEC: u64 = 4;
    if how & UNSHARE != 0 {
        streams::tables_are_several();
    }
    if how & !0x6 == 0 && first <= last {
        for fd in first..=last.min(1023) {
            if how & CLOEXEC != 0 {
                mark(fd, |bits| bits | descriptor::CLOSE_ON_EXEC);
            } else {
                mark(fd, |_| 0);
            }
        }
    }
    if first > high || last < low || first > last {
        return close(first, last);
    }
    let mut result = 0;
    if first < low {
        result = close(first, low - 1);
    }
    if last > high && result >= 0 {
        result = close(high + 1, last);
    }
    result
}

fn bits(fd: u64) -> u8 {
    companions::descriptors()
        .get(fd as u32 as usize)
        .map_or(0, |bits| bits.load(Ordering::Relaxed))
}

fn mark(fd: u32, change: impl Fn(u8) -> u8) {
    file_changes::forget_descriptor(fd);
    if let Some(bits) = companions::descriptors().get(fd as usize) {
        let old = bits.load(Ordering::Relaxed);
        let new = change(old);
        // Most descriptors are never anything special: do not dirty their memory.
        let is_ordinary = old | new & !descriptor::CLOSE_ON_EXEC == 0;
        let new = if is_ordinary { 0 } else { new };
        if new != old {
            bits.store(new, Ordering::Relaxed);
        }
    }
}

/// A call has made a descriptor.
fn made(fd: u32, bits: u8) {
    descriptor_table::make_room(fd);
    mark(fd, |_| bits);
}

/// What follows from a call that was made: for descriptors, for files and who has them mapped, for us.
#[inline(never)]
pub fn after(call: &mut Call<'_>, entry: &SystemCall, result: i64) {
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    if result < 0 {
        return;
    }
    track_descriptors(call, entry, result);
    file_changes::after_open(call, entry, result);
    if let Some(to) = entry.content.descriptor() {
        let is_resize = matches!(entry.content, Content::Resize(_));
        content_changed(call, call.args[usize::from(to)], result, is_resize);
        output_checksum(call, entry.content, result);
    }
    if matches!(entry.class, Class::Special(SpecialAction::Namespaces)) {
        wishes::note_namespaces(call.number, &call.args);
    }
    let is_state = matches!(entry.class, Class::Special(SpecialAction::ProcessorState));
    if is_state && call.args[0] == ARCH_REQ_XCOMP_PERM {
        extended_state::permit(call.args[1]);
    }
}

/// Log the checksum of the bytes that went out, so that a replay which says something else is found out. Taken when the
/// call has returned: what others do to the bytes while it waits, they do in the replay too.
fn output_checksum(call: &mut Call<'_>, content: Content, result: i64) {
    // To make a large buffer costs more than the checksum of the few bytes that most calls give out.
    const SHORT: usize = 128;
    const MIDDLE: usize = 512;
    const LONG: usize = 4096;
    match usize::try_from(result) {
        Ok(0) | Err(_) => {}
        Ok(1..=SHORT) => checksum_by_pieces::<SHORT>(call, content, result),
        Ok(length) if length <= MIDDLE => checksum_by_pieces::<MIDDLE>(call, content, result),
        Ok(_) => checksum_by_pieces::<LONG>(call, content, result),
    }
}

#[inline(always)]
fn checksum_by_pieces<const PIECE: usize>(call: &mut Call<'_>, content: Content, result: i64) {
    let mut checksum = Checksum::default();
    let (mut piece, mut is_any) = ([0u8; PIECE], false);
    content.ranges(
        &call.args,
        result as u64,
        &GuestMemory,
        |address, length| {
            is_any = true;
            let mut done = 0;
            while done < length {
                let part = (length - done).min(PIECE as u64);
                let bytes = &mut piece[..part as usize];
                if !guest::read(address.wrapping_add(done), bytes) {
                    return;
                }
                checksum.add(bytes);
                done += part;
            }
        },
    );
    if is_any {
        call.event.bytes(Tag::Output, checksum.finish(), &[]);
    }
}

/// Bytes have gone to what is behind a descriptor, as many as the result says, or it is of another size.
fn content_changed(call: &mut Call<'_>, file: u64, result: i64, is_resize: bool) {
    if result == 0 && !is_resize {
        return;
    }
    let stream = match streams::of(file, bits(file)) {
        bits if is_resize || bits & (descriptor::STDOUT | descriptor::STDERR) == 0 => 0,
        bits if bits & descriptor::STDOUT != 0 => flags::STDOUT,
        _ => flags::STDERR,
    };
    if stream != 0 {
        call.event.header.flags |= stream;
        match output_order::take_number(&call.thread.output_number) {
            Some(number) => call.event.bytes(Tag::Sequence, number, &[]),
            None => call.event.sequence(),
        }
    }
}

/// Follow descriptors after a call that makes, copies or closes some.
fn track_descriptors(call: &Call<'_>, entry: &SystemCall, result: i64) {
    match entry.descriptors {
        Descriptors::None => {}
        Descriptors::Opened { flags } => {
            let flags = flags.map_or(O_WRONLY | O_CLOEXEC, |flags| call.args[usize::from(flags)]);
            let bits = streams::opened(result as u32, flags);
            made(result as u32, bits);
        }
        Descriptors::Control => received(call, entry, result),
        Descriptors::Result => made(result as u32, 0),
        Descriptors::OwnTable(how) => {
            if call.args[usize::from(how)] & CLONE_FILES != 0 {
                streams::tables_are_several();
            }
        }
        Descriptors::Pair(index) => {
            if let Some(pair) = guest::read_u64(call.args[usize::from(index)]) {
                made(pair as u32, 0);
                made((pair >> 32) as u32, 0);
            }
        }
        Descriptors::Close(of) => mark(call.args[usize::from(of)] as u32, |_| 0),
        Descriptors::Duplicate { of, flags } => {
            let closes = flags.is_some_and(|flags| call.args[usize::from(flags)] & O_CLOEXEC != 0);
            duplicated(call.args[usize::from(of)], result as u32, closes);
        }
        Descriptors::Command if entry.wait == Wait::Fcntl => {
            let [first, second, third, ..] = call.args;
            match fcntl(second as u32).map(|command| command.descriptors) {
                Ok(FcntlDescriptors::Duplicate { closes_on_exec }) => {
                    duplicated(first, result as u32, closes_on_exec);
                }
                Ok(FcntlDescriptors::SetFlags) => mark(first as u32, |bits| {
                    if third & 1 != 0 {
                        bits | descriptor::CLOSE_ON_EXEC
                    } else {
                        bits & !descriptor::CLOSE_ON_EXEC
                    }
                }),
                Ok(FcntlDescriptors::None) | Err(_) => {}
            }
        }
        Descriptors::Command if entry.wait == Wait::Ioctl => {
            if ioctl(call.args[1] as u32).is_ok_and(|request| request.makes_descriptor) {
                made(result as u32, 0);
            }
        }
        Descriptors::Command => {}
    }
}

/// Descriptors have come with messages.
fn received(call: &Call<'_>, entry: &SystemCall, result: i64) {
    /// `struct mmsghdr`.
    const STRIDE: u64 = 64;
    let mut take = made;
    for nested in entry.nested {
        match *nested {
            Nested::Message(at) => {
                streams::received(call.args[usize::from(at)], call.args[2], &mut take);
            }
            Nested::Messages { pointer, .. } => {
                for index in 0..result as u64 {
                    let message = call.args[usize::from(pointer)] + index * STRIDE;
                    streams::received(message, call.args[3], &mut take);
                }
            }
            Nested::Vector { .. } => {}
        }
    }
}

/// A descriptor is another one of the same stream.
fn duplicated(of: u64, new: u32, closes_on_exec: bool) {
    // `dup2` onto itself leaves all as it is.
    if new == of as u32 {
        return;
    }
    let stream = bits(of) & (descriptor::STDOUT | descriptor::STDERR);
    let closes = if closes_on_exec {
        descriptor::CLOSE_ON_EXEC
    } else {
        0
    };
    made(new, stream | closes);
}

/// Forget descriptors that the `execve` just performed has closed.
pub fn after_exec() {
    hidden_descriptors::occupy_tracking();
    for bits in companions::descriptors() {
        if bits.load(Ordering::Relaxed) & descriptor::CLOSE_ON_EXEC != 0 {
            bits.store(0, Ordering::Relaxed);
        }
    }
}

/// Remove the entries of our descriptors from a listing of `/proc/…/fd`, wherever it is mounted. Returns the new
/// length. `is_old`: by `getdents`, whose entries have another layout.
#[inline(never)]
pub fn filter_listing(fd: u64, buffer: u64, length: i64, is_old: bool) -> i64 {
    /// Where `d_reclen` is in both layouts, and the name.
    const SIZE_AT: usize = 16;
    let name_at = if is_old { 18 } else { 19 };
    let mut statfs = [0u64; 15];
    // SAFETY: struct statfs is 120 bytes.
    let known = unsafe { syscall2(numbers::FSTATFS, fd, statfs.as_mut_ptr() as u64) };
    if known < 0 || statfs[0] != numbers::PROC_SUPER_MAGIC {
        return length;
    }
    let mut at = 0u64;
    let mut end = length as u64;
    while at + name_at as u64 <= end {
        let mut head = [0u8; 32];
        let available = (end - at).min(32) as usize;
        if !guest::read(buffer + at, &mut head[..available]) {
            break;
        }
        let size = u64::from(u16::from_le_bytes([head[SIZE_AT], head[SIZE_AT + 1]]));
        if size == 0 || at + size > end {
            break;
        }
        let mut kind = [head[18]];
        if is_old && !guest::read(buffer + at + size - 1, &mut kind) {
            break;
        }
        let is_ours =
            number_of(&head[name_at..available]).is_some_and(hidden_descriptors::is_hidden);
        if is_ours && is_about_descriptor(kind[0]) {
            shift(buffer + at + size, buffer + at, end - at - size);
            end -= size;
            continue;
        }
        at += size;
    }
    end as i64
}

/// The number that is all of a NUL-terminated name.
fn number_of(name: &[u8]) -> Option<u64> {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || name.get(digits) != Some(&0) {
        return None;
    }
    let value = |number: u64, &digit: &u8| {
        number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'))
    };
    Some(name[..digits].iter().fold(0, value))
}

/// Whether an entry of procfs of this type with a number for its name is about a descriptor: links are in `fd`,
/// regular files in `fdinfo`; processes and threads are directories.
fn is_about_descriptor(kind: u8) -> bool {
    const REGULAR: u8 = 8;
    const LINK: u8 = 10;
    matches!(kind, REGULAR | LINK)
}

/// Move the program's bytes downwards.
fn shift(from: u64, to: u64, length: u64) {
    let mut done = 0;
    let mut piece = [0u8; 256];
    while done < length {
        let count = (length - done).min(256) as usize;
        if !guest::read(from + done, &mut piece[..count])
            || !guest::write(to + done, &piece[..count])
        {
            return;
        }
        done += count as u64;
    }
}
