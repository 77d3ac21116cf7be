//! Files under `/proc` that would show the recorder: `exe`, `maps`, the descriptor directory.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4, syscall6};
use reenact_syscalls::{Kind, Paths, SystemCall};

use crate::call::{Call, Outcome};
use crate::confinement::are_calls_dispatched;
use crate::maps_file::{hexadecimal, is_ours};
use crate::{guest, heap, hidden_descriptors, signal, status_file};

struct ExecutablePath(UnsafeCell<([u8; 4096], usize)>);
// SAFETY: written once at start, before the program runs.
unsafe impl Sync for ExecutablePath {}
static EXECUTABLE: ExecutablePath = ExecutablePath(UnsafeCell::new(([0; 4096], 0)));

/// Remember the absolute path of the program (what `/proc/self/exe` would be).
pub fn set_executable(path: &[u8]) {
    // SAFETY: at start, one thread.
    let (bytes, length) = unsafe { &mut *EXECUTABLE.0.get() };
    *length = path.len().min(4095);
    bytes[..*length].copy_from_slice(&path[..*length]);
    bytes[*length] = 0;
}

/// The absolute path of the program, NUL-terminated.
pub fn executable() -> &'static [u8; 4096] {
    // SAFETY: read-only after start.
    unsafe { &(*EXECUTABLE.0.get()).0 }
}

fn executable_length() -> usize {
    // SAFETY: read-only after start.
    unsafe { (*EXECUTABLE.0.get()).1 }
}

/// Whether this process, or one that it is a copy of, has opened the memory of a process.
static MEMORY: AtomicBool = AtomicBool::new(false);

/// Whether a descriptor may be one of the memory of a process.
#[inline]
pub fn may_show_memory() -> bool {
    MEMORY.load(Ordering::Relaxed)
}

/// Which file of this process a path under `/proc` names.
fn own_file(path: &[u8]) -> Option<&[u8]> {
    let rest = path.strip_prefix(b"/proc/")?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    let (who, file) = (&rest[..slash], &rest[slash + 1..]);
    let mine = if who == b"self" || who == b"thread-self" {
        true
    } else if who.iter().all(u8::is_ascii_digit) {
        let pid = who
            .iter()
            .fold(0i64, |pid, &digit| pid * 10 + i64::from(digit - b'0'));
        // SAFETY: no effect.
        pid == unsafe { syscall0(GETPID) }
    } else {
        false
    };
    mine.then_some(file)
}

/// Whether a path names the program that runs.
pub fn is_own_executable(path: &[u8]) -> bool {
    own_file(path) == Some(b"exe")
}

/// What a call does with what a path leads to.
enum Use {
    /// Looks at it or changes it.
    Takes,
    Opens,
    /// Reads the link at its end: buffer and size.
    ReadsLink(u64, u64),
}

/// What the call wants of the file that a link at the end of its path leads to; `None`: nothing.
fn use_of(call: &Call<'_>, entry: &SystemCall) -> Option<Use> {
    let arg = |index: u8| call.args[usize::from(index)];
    let opens = |flags: u64| (flags & numbers::O_NOFOLLOW == 0).then_some(Use::Opens);
    match entry.paths {
        Paths::None | Paths::Named => None,
        Paths::Followed => Some(Use::Takes),
        Paths::FollowedUnless(flags, bits) => (arg(flags) & bits == 0).then_some(Use::Takes),
        Paths::FollowedIf(flags, bits) => (arg(flags) & bits != 0).then_some(Use::Takes),
        Paths::Opened { flags } => opens(arg(flags)),
        Paths::OpenedBy { how } => opens(guest::read_u64(arg(how))?),
        Paths::LinkRead { buffer, size } => Some(Use::ReadsLink(arg(buffer), arg(size))),
    }
}

/// Answer a call with a path argument that names such a file; `None`: not our affair.
#[inline(never)]
pub fn answer(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    let index = entry
        .arguments
        .iter()
        .position(|(_, kind)| matches!(kind, Kind::Path))?;
    let mut start = [0u8; 6];
    if !guest::read(call.args[index], &mut start) || start != *b"/proc/" {
        return None;
    }
    let mut path = [0u8; 64];
    let length = guest::read_string(call.args[index], &mut path)?;
    if path[..length].ends_with(b"/mem") {
        MEMORY.store(true, Ordering::Relaxed);
    }
    let file = own_file(&path[..length])?;
    if [
        b"maps".as_slice(),
        b"smaps",
        b"numa_maps",
        b"map_files",
        b"pagemap",
    ]
    .iter()
    .any(|shown| file.starts_with(shown))
    {
        // What is protected shows in them.
        signal::dirty::stop();
    }
    let usage = use_of(call, entry)?;
    if file == b"exe" && call.substitute_path(index, hidden_descriptors::program_path()) {
        return None;
    }
    match (file, usage) {
        (b"exe", Use::ReadsLink(buffer, room)) => read_executable_link(call, buffer, room),
        (b"exe", Use::Takes | Use::Opens) if executable_length() > 0 => {
            // The call is made on the program itself: the kernel reads the path from us.
            call.substitute = Some((index, executable().as_ptr() as u64));
            None
        }
        (b"maps", Use::Opens) => filtered_maps(),
        (b"status", Use::Opens) if !are_calls_dispatched() => Some(Outcome::Done(
            status_file::as_without_us(&call.thread.confinement),
        )),
        _ => None,
    }
}

fn read_executable_link(call: &mut Call<'_>, buffer: u64, room: u64) -> Option<Outcome> {
    let (path, length) = (executable(), executable_length());
    if length == 0 {
        return None;
    }
    if (room as i64) <= 0 {
        return Some(Outcome::Done(-EINVAL));
    }
    let take = length.min(room as usize);
    if !guest::write(buffer, &path[..take]) {
        return Some(Outcome::Done(-EFAULT));
    }
    call.event
        .bytes(reenact_trace::Tag::Write, buffer, &path[..take]);
    Some(Outcome::Done(take as i64))
}

/// Write one line, with the name that our stand-in for a kernel mapping lacks.
fn write_line(to: u64, line: &[u8]) {
    const NAME_COLUMN: usize = 73;
    let mut named = [b' '; 128];
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let trimmed = text.len() - text.iter().rev().take_while(|&&byte| byte == b' ').count();
    let line = match name_of(hexadecimal(line)) {
        Some(name) if trimmed < NAME_COLUMN => {
            named[..trimmed].copy_from_slice(&text[..trimmed]);
            named[NAME_COLUMN..NAME_COLUMN + name.len()].copy_from_slice(name);
            named[NAME_COLUMN + name.len()] = b'\n';
            &named[..=NAME_COLUMN + name.len()]
        }
        _ => line,
    };
    // SAFETY: a buffer of ours.
    unsafe { syscall6(WRITE, to, line.as_ptr() as u64, line.len() as u64, 0, 0, 0) };
}

/// A memory file with `/proc/self/maps` as it would be without us.
fn filtered_maps() -> Option<Outcome> {
    // SAFETY: system calls on names and buffers of ours.
    unsafe {
        let from = syscall4(
            OPENAT,
            AT_FDCWD as u64,
            c"/proc/self/maps".as_ptr() as u64,
            O_RDONLY | O_CLOEXEC,
            0,
        );
        if from < 0 {
            return Some(Outcome::Done(from));
        }
        let to = syscall2(MEMFD_CREATE, c"maps".as_ptr() as u64, 1);
        if to >= 0 {
            copy_lines(from as u64, to as u64);
            syscall3(8, to as u64, 0, 0);
        }
        syscall2(CLOSE, from as u64, 0);
        Some(Outcome::Done(to))
    }
}

/// Copy the lines about the program's mappings, lengthening none and changing none.
fn copy_lines(from: u64, to: u64) {
    let mut buffer = [0u8; 16 * 1024];
    let mut held = 0;
    loop {
        // SAFETY: a buffer of ours.
        let count = unsafe {
            syscall3(
                READ,
                from,
                buffer.as_mut_ptr() as u64 + held as u64,
                (buffer.len() - held) as u64,
            )
        };
        if count <= 0 {
            return;
        }
        held += count as usize;
        let mut line_start = 0;
        while let Some(length) = buffer[line_start..held]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            let line = &buffer[line_start..=line_start + length];
            if !is_ours(line) {
                write_line(to, line);
            }
            line_start += length + 1;
        }
        buffer.copy_within(line_start..held, 0);
        held -= line_start;
    }
}

/// The name the kernel would show for the mapping that starts at `start`.
fn name_of(start: u64) -> Option<&'static [u8]> {
    if crate::vdso::image_address() == Some(start) {
        Some(b"[vdso]")
    } else if heap::contains(start) {
        Some(b"[heap]")
    } else {
        None
    }
}
