//! Files under `/proc` that would show the recorder: `exe`, `maps`, the descriptor directory.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4, syscall6};
use reenact_syscalls::{Kind, Paths, SystemCall};

use crate::call::{Call, Outcome};
use crate::maps_file::{hexadecimal, is_ours};
use crate::text::Text;
use crate::{guest, heap, hidden_descriptors, limits_file, signal, stand_in, text, traced_status};

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

/// Where the last component of a path begins.
fn last_component(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|&byte| byte == b'/');
    &path[start.map_or(0, |slash| slash + 1)..]
}

/// Whether a file is one of procfs, wherever that is mounted.
fn is_of_procfs(file: i64) -> bool {
    let mut status = [0u64; 15];
    // SAFETY: struct statfs is 120 bytes.
    let known = unsafe { syscall2(numbers::FSTATFS, file as u64, status.as_mut_ptr() as u64) };
    known == 0 && status[0] == numbers::PROC_SUPER_MAGIC
}

/// Whether a link leads to the recorder, which the program has instead of itself: the link of procfs, wherever that
/// is mounted, as against the recorder's file itself.
fn leads_to_recorder(directory: u64, path: u64) -> bool {
    let open = |flags: u64| {
        // SAFETY: the kernel looks at the program's path.
        unsafe { syscall4(OPENAT, directory, path, O_PATH | O_CLOEXEC | flags, 0) }
    };
    let link = open(O_NOFOLLOW);
    let is_link = link >= 0 && is_of_procfs(link);
    close(link);
    if !is_link {
        return false;
    }
    let file = open(0);
    let is_recorder = file >= 0 && hidden_descriptors::is_recorder(file as i32);
    close(file);
    is_recorder
}

/// The process or thread, of another process, whose link of procfs a path names.
fn other_process(directory: u64, path: u64) -> Option<u32> {
    let mut name = [0u8; LONGEST];
    // SAFETY: the kernel looks at the program's path, then at a name of ours; the descriptor is ours.
    let length = unsafe {
        let flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
        let link = syscall4(OPENAT, directory, path, flags, 0);
        let at = text!("/proc/self/fd/{link}\0");
        let (at, to) = (at.as_str().as_ptr() as u64, name.as_mut_ptr() as u64);
        let length = syscall4(READLINKAT, AT_FDCWD as u64, at, to, LONGEST as u64);
        close(link);
        length
    };
    let name = name.get(..usize::try_from(length).ok()?)?;
    let digits = last_component(name.strip_suffix(b"/exe")?);
    let number = core::str::from_utf8(digits).ok()?.parse().ok()?;
    // SAFETY: asks whether there is such a thread in this process.
    let is_own = unsafe { syscall3(TGKILL, syscall0(GETPID) as u64, u64::from(number), 0) } == 0;
    (!is_own).then_some(number)
}

/// A path to the program of another process, of which the link that a path names leads to the recorder: it may be
/// loading the program just now.
fn program_of(other: u32, directory: u64, link: u64) -> Option<Text> {
    const PAUSE_NS: u64 = 1_000_000;
    const MOST_PAUSES: u32 = 2000;
    for _ in 0..MOST_PAUSES {
        let path = hidden_descriptors::program_path_of(other);
        if path.is_some() || !leads_to_recorder(directory, link) {
            return path;
        }
        let time = [0, PAUSE_NS];
        // SAFETY: a timespec of ours.
        unsafe { syscall2(NANOSLEEP, time.as_ptr() as u64, 0) };
    }
    None
}

fn close(file: i64) {
    if file >= 0 {
        // SAFETY: a descriptor of ours.
        unsafe { syscall2(CLOSE, file as u64, 0) };
    }
}

/// Whether a path that a call executes leads to the recorder, in place of the program.
pub fn names_recorder(directory: u64, path: &[u8]) -> bool {
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(0);
    last_component(&path[..end]) == b"exe" && leads_to_recorder(directory, path.as_ptr() as u64)
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

/// Longest path that is looked at.
const LONGEST: usize = 512;

/// Which argument is the path.
fn path_argument(entry: &SystemCall) -> Option<usize> {
    let is_path = |(_, kind): &(_, Kind)| matches!(kind, Kind::Path);
    entry.arguments.iter().position(is_path)
}

/// Answer a call with a path argument that names such a file; `None`: not our affair.
#[inline(never)]
pub fn answer(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    let index = path_argument(entry)?;
    let mut path = [0u8; LONGEST];
    let length = guest::read_string(call.args[index], &mut path)?;
    let path = &path[..length];
    if path.ends_with(b"/mem") {
        MEMORY.store(true, Ordering::Relaxed);
    }
    let file = last_component(path);
    let shows_mappings = matches!(
        file,
        b"maps" | b"smaps" | b"numa_maps" | b"map_files" | b"pagemap"
    ) || path[..length - file.len()].ends_with(b"map_files/");
    if shows_mappings {
        // What is protected shows in them.
        signal::dirty::stop();
    }
    let directory = match index {
        0 => AT_FDCWD as u64,
        _ => call.args[index - 1],
    };
    if hidden_descriptors::is_path_of_hidden(directory, path) {
        return Some(Outcome::Done(-ENOENT));
    }
    if file != b"exe" {
        return None;
    }
    let usage = use_of(call, entry)?;
    if executable_length() == 0 || !leads_to_recorder(directory, call.args[index]) {
        return None;
    }
    if let Some(other) = other_process(directory, call.args[index]) {
        call.substitute_path(index, program_of(other, directory, call.args[index]));
        return None;
    }
    if call.substitute_path(index, hidden_descriptors::program_path()) {
        return None;
    }
    match usage {
        Use::ReadsLink(buffer, room) => read_executable_link(call, buffer, room),
        Use::Takes | Use::Opens => {
            // The call is made on the program itself: the kernel reads the path from us.
            call.substitute = Some((index, executable().as_ptr() as u64));
            None
        }
    }
}

/// A file has been opened: the program is given another one where it would show our mappings. The call's result.
#[inline(never)]
pub fn opened(call: &Call<'_>, entry: &SystemCall, file: i64) -> i64 {
    let mut path = [0u8; LONGEST];
    let length = path_argument(entry)
        .and_then(|index| guest::read_string(call.args[index], &mut path))
        .unwrap_or(0);
    let name = last_component(&path[..length]);
    let is_status = matches!(name, b"status" | b"stat");
    if !(is_status || matches!(name, b"maps" | b"smaps" | b"limits")) || !is_of_procfs(file) {
        return file;
    }
    if name == b"limits" {
        limits_file::opened(file);
        return file;
    }
    if is_status {
        traced_status::opened(file, name);
        return file;
    }
    filtered_maps(file)
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
    let name = if is_first(line) {
        name_of(hexadecimal(line))
    } else {
        None
    };
    let line = match name {
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

/// Let the descriptor of a file with lines about mappings be one of a memory file without ours.
fn filtered_maps(file: i64) -> i64 {
    let result = stand_in::replace(file, c"maps", |to| copy_lines(file as u64, to as u64));
    if result < 0 {
        close(file);
        return result;
    }
    file
}

/// Whether a line begins what is told of a mapping: two addresses. Others tell more of the last one (`smaps`).
fn is_first(line: &[u8]) -> bool {
    let is_digit = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = line.iter().take_while(is_digit).count();
    digits > 0 && line.get(digits) == Some(&b'-')
}

/// Copy the lines about the program's mappings; whether there were others.
fn copy_lines(from: u64, to: u64) -> bool {
    let (mut is_left_out, mut any_left_out) = (false, false);
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
            return any_left_out;
        }
        held += count as usize;
        let mut line_start = 0;
        while let Some(length) = buffer[line_start..held]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            let line = &buffer[line_start..=line_start + length];
            if is_first(line) {
                is_left_out = is_ours(line);
                any_left_out |= is_left_out;
            }
            if !is_left_out {
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
