//! Files kept in the trace, so that a replay does not need the originals.

use core::fmt::Write;
use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4, syscall6};
use reenact_trace::arena::{
    file_origin, file_state, FileEntry, FILE_CACHE_MAX, FILE_PATH_MAX, FILE_TABLE_ENTRIES,
    KEPT_FILE_MODE,
};
use reenact_trace::{FileId, FileIdentity, CACHE_NAME_LENGTH};

use crate::file_source::Source;
use crate::text::Text;
use crate::{arena, file_size_limit, text};

/// What identifies a file's content.
#[derive(Default)]
pub struct Status {
    pub device: u64,
    pub inode: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub modified_ns: u64,
    pub changed_ns: u64,
    pub is_regular: bool,
    /// Names it has; a memory file has none.
    pub links: u64,
    /// `/dev/zero`, whose mappings are anonymous memory.
    pub is_zero: bool,
}

/// `fstat`.
pub fn status(fd: i32) -> Option<Status> {
    let mut stat = [0u64; 18];
    // SAFETY: struct stat is 144 bytes.
    let result = unsafe { syscall2(FSTAT, fd as u64, stat.as_mut_ptr() as u64) };
    if result < 0 {
        return None;
    }
    Some(Status::new(&stat))
}

impl Status {
    /// From a `struct stat`.
    pub fn new(stat: &[u64; 18]) -> Status {
        let mode = stat[3] as u32;
        Status {
            device: stat[0],
            inode: stat[1],
            mode,
            uid: (stat[3] >> 32) as u32,
            gid: stat[4] as u32,
            size: stat[6],
            modified_ns: stat[11].wrapping_mul(1_000_000_000).wrapping_add(stat[12]),
            changed_ns: stat[13].wrapping_mul(1_000_000_000).wrapping_add(stat[14]),
            is_regular: mode & 0o170000 == 0o100000,
            links: stat[2],
            is_zero: mode & 0o170000 == 0o020000 && stat[5] == 0x105,
        }
    }

    fn identity(&self) -> FileIdentity {
        FileIdentity {
            device: self.device,
            inode: self.inode,
            size: self.size,
            modified_ns: self.modified_ns,
            changed_ns: self.changed_ns,
        }
    }
}

/// Whether the descriptor can write: then a shared mapping of it can change its content.
pub fn is_writable(fd: i32) -> bool {
    // SAFETY: asks for flags.
    let flags = unsafe { syscall2(FCNTL, fd as u64, numbers::F_GETFL) };
    flags < 0 || flags & 3 != 0
}

fn find(status: &Status) -> Option<usize> {
    let count = (arena::header().files.load(Ordering::Acquire) as usize).min(FILE_TABLE_ENTRIES);
    (0..count).find(|&index| {
        let entry = arena::file(index);
        entry.state.load(Ordering::Acquire) != file_state::EMPTY
            && entry.identity() == status.identity()
    })
}

fn entry_mut(index: usize) -> *mut FileEntry {
    (&raw const *arena::file(index)).cast_mut()
}

/// Take a new entry of the table. `None` when it is full.
fn add(status: &Status, path: &[u8]) -> Option<usize> {
    let index = arena::header().files.fetch_add(1, Ordering::AcqRel) as usize;
    if index >= FILE_TABLE_ENTRIES {
        crate::message::once("more than 16384 files mapped: further ones are logged as bytes");
        return None;
    }
    let entry = entry_mut(index);
    // SAFETY: the entry is ours until its state says otherwise.
    unsafe {
        (*entry).device = status.device;
        (*entry).inode = status.inode;
        (*entry).size = status.size;
        (*entry).modified_ns = status.modified_ns;
        (*entry).changed_ns = status.changed_ns;
        let length = path.len().min(FILE_PATH_MAX);
        (&mut (*entry).path)[..length].copy_from_slice(&path[..length]);
        (*entry).path_length = length as u32;
        arena::Lock::of_file(index).acquire();
        (*entry).state.store(file_state::COPYING, Ordering::Release);
    }
    Some(index)
}

fn name_of(index: usize) -> Text {
    let mut name = text!("files/{index}");
    let _ = name.write_char('\0');
    name
}

fn create(index: usize) -> i64 {
    let name = name_of(index);
    // SAFETY: a NUL-terminated name of ours.
    let fd = unsafe {
        syscall4(
            OPENAT,
            arena::header().trace_fd as u64,
            name.as_str().as_ptr() as u64,
            O_CREAT | O_RDWR | O_CLOEXEC,
            0o600,
        )
    };
    if fd >= 0 {
        // Whatever the program's file mode mask is. Other traces may have the same file as
        // theirs, so nobody is to write to it.
        // SAFETY: our descriptor.
        unsafe { syscall2(numbers::FCHMOD, fd as u64, KEPT_FILE_MODE.into()) };
    }
    fd
}

/// Give a copy the original's time of change, by which later recordings know that it is as it was.
fn set_modified(fd: i64, identity: &FileIdentity) {
    const SECOND: u64 = 1_000_000_000;
    let modified = identity.modified_ns;
    let times = [0, numbers::UTIME_OMIT, modified / SECOND, modified % SECOND];
    // SAFETY: our descriptor, and two structures of ours. If it fails, nobody shares the copy.
    unsafe { syscall4(numbers::UTIMENSAT, fd as u64, 0, times.as_ptr() as u64, 0) };
}

/// Whether what `stat` tells is a copy of this file that nobody has changed.
fn is_copy_of(stat: &[u64; 18], identity: &FileIdentity) -> bool {
    let modified = stat[11].wrapping_mul(1_000_000_000).wrapping_add(stat[12]);
    let mode = stat[3] as u32 & 0o7777;
    stat[6] == identity.size && modified == identity.modified_ns && mode == KEPT_FILE_MODE
}

/// Let `files/<index>` be the copy that an earlier recording has made of this very file, where
/// there is one and it lies on the trace's file system.
fn link_from_cache(index: usize, identity: &FileIdentity) -> bool {
    let directory = &arena::header().file_cache;
    let length = directory.iter().position(|&byte| byte == 0).unwrap_or(0);
    if length == 0 {
        return false;
    }
    let mut path = [0u8; FILE_CACHE_MAX + CACHE_NAME_LENGTH + 2];
    path[..length].copy_from_slice(&directory[..length]);
    path[length] = b'/';
    path[length + 1..length + 1 + CACHE_NAME_LENGTH].copy_from_slice(&identity.cache_name());
    let name = name_of(index);
    let name = name.as_str().as_ptr() as u64;
    let trace = arena::header().trace_fd as u64;
    let mut stat = [0u64; 18];
    // SAFETY: NUL-terminated names and a struct stat of ours.
    unsafe {
        if syscall6(
            numbers::LINKAT,
            AT_FDCWD as u64,
            path.as_ptr() as u64,
            trace,
            name,
            0,
            0,
        ) < 0
        {
            return false;
        }
        let asked = syscall4(NEWFSTATAT, trace, name, stat.as_mut_ptr() as u64, 0);
        if asked == 0 && is_copy_of(&stat, identity) {
            return true;
        }
    }
    remove(index);
    false
}

fn remove(index: usize) {
    let name = name_of(index);
    let trace = arena::header().trace_fd as u64;
    // SAFETY: a NUL-terminated name of ours.
    unsafe { syscall3(numbers::UNLINKAT, trace, name.as_str().as_ptr() as u64, 0) };
}

fn close(fd: i64) {
    // SAFETY: a descriptor we opened.
    unsafe { syscall2(CLOSE, fd as u64, 0) };
}

/// Copy the whole file behind `fd` to `to`, which is empty; what is a hole stays one. 0 or -errno.
fn copy(fd: i32, to: i64, size: u64) -> i64 {
    const FICLONE: u64 = 0x4004_9409;
    if size > file_size_limit::most() {
        // To try would end the program by SIGXFSZ.
        return -numbers::EFBIG;
    }
    // SAFETY: system calls on our own descriptor.
    unsafe {
        if syscall3(IOCTL, to as u64, FICLONE, fd as u64) == 0 {
            return 0;
        }
        let result = syscall2(FTRUNCATE, to as u64, size);
        if result < 0 {
            return result;
        }
    }
    let source = Source::of(fd);
    let mut at = 0;
    while let Some([data, end]) = source.next_data(at, size) {
        let result = copy_range(&source, to, data, end);
        if result < 0 {
            return result;
        }
        at = end;
    }
    0
}

/// Copy a part of a file to the same place of another one. 0 or -errno.
fn copy_range(source: &Source, to: i64, start: u64, end: u64) -> i64 {
    let (mut from_offset, mut to_offset) = (start, start);
    let mut buffer = [0u8; 8192];
    // SAFETY: system calls on our own descriptors, two words and a buffer on our stack.
    unsafe {
        while from_offset < end {
            let result = syscall6(
                COPY_FILE_RANGE,
                source.descriptor(),
                &raw mut from_offset as u64,
                to as u64,
                &raw mut to_offset as u64,
                end - from_offset,
                0,
            );
            if result <= 0 {
                break;
            }
        }
        let mut at = from_offset;
        while at < end {
            let (address, room) = (buffer.as_mut_ptr() as u64, (end - at).min(8192));
            let count = syscall4(PREAD64, source.descriptor(), address, room, at);
            if count <= 0 {
                return count.min(0);
            }
            let written = syscall4(PWRITE64, to as u64, address, count as u64, at);
            if written <= 0 {
                return if written == 0 { -numbers::EIO } else { written };
            }
            at += written as u64;
        }
    }
    0
}

/// What a mapping does with its file.
#[derive(Clone, Copy)]
pub struct Use {
    /// Its instruction sites are wanted.
    pub is_executable: bool,
    /// What others write to the file by mappings of their own is meant to be seen.
    pub is_shared: bool,
}

/// Take the file behind `fd` into the trace as entry `index`. 0 or -errno.
fn keep(index: usize, fd: i32, status: &Status, usage: Use) -> i64 {
    let identity = status.identity();
    // Stores to shared mappings change a file long before its time stamps say so.
    let is_shareable =
        !usage.is_shared && identity.is_older_than(arena::header().settled_before_ns);
    let mut origin = file_origin::PRIVATE;
    let result = if is_shareable && link_from_cache(index, &identity) {
        origin = file_origin::CACHE;
        0
    } else {
        let to = create(index);
        if to < 0 {
            return to;
        }
        let result = file_size_limit::lifted(|| copy(fd, to, status.size));
        if is_shareable {
            origin = file_origin::SHAREABLE;
            set_modified(to, &identity);
        }
        close(to);
        if result < 0 {
            // The disk is full: no half of a file stays.
            remove(index);
        }
        result
    };
    arena::file(index).origin.store(origin, Ordering::Relaxed);
    result
}

/// The entry's file has been kept, or not: 0 or -errno. Whoever copied it has nothing locked any more.
fn finish(index: usize, result: i64) {
    let entry = arena::file(index);
    entry.error.store(-result as i32, Ordering::Relaxed);
    let state = if result < 0 {
        file_state::FAILED
    } else {
        file_state::STORED
    };
    entry.state.store(state, Ordering::Release);
    arena::Lock::of_file(index).release();
}

/// The program has given up the rights with which the recording was started, and with them that
/// to write to the trace: let the supervisor copy the file.
fn ask_supervisor(index: usize, fd: i32) {
    let entry = arena::file(index);
    // SAFETY: no effect.
    let tid = unsafe { syscall0(GETTID) };
    entry.asker.store(tid as u32, Ordering::Relaxed);
    entry.descriptor.store(fd as u32, Ordering::Relaxed);
    entry.state.store(file_state::ASKED, Ordering::Release);
    arena::ring_doorbell();
    while is_being_stored(index) && arena::header().has_reader() {
        pause();
    }
    if is_being_stored(index) {
        finish(index, -EACCES);
    } else {
        arena::Lock::of_file(index).release();
    }
}

fn is_being_stored(index: usize) -> bool {
    let state = arena::file(index).state.load(Ordering::Acquire);
    matches!(state, file_state::COPYING | file_state::ASKED)
}

/// Keep the file behind `fd`. `version`: changes that this recording knows of, which its time stamps may not tell.
pub fn store(fd: i32, status: &Status, version: u64, usage: Use) -> Option<FileId> {
    let status = &Status {
        changed_ns: status.changed_ns.wrapping_add(version),
        ..*status
    };
    let index = match find(status) {
        Some(index) => {
            wait_until_stored(index);
            index
        }
        None => {
            let mut path = [0u8; FILE_PATH_MAX];
            let link = text!("/proc/self/fd/{fd}\0");
            // SAFETY: a NUL-terminated name and a buffer of ours.
            let length = unsafe {
                syscall3(
                    READLINK,
                    link.as_str().as_ptr() as u64,
                    path.as_mut_ptr() as u64,
                    FILE_PATH_MAX as u64,
                )
            };
            let index = add(status, &path[..length.max(0) as usize])?;
            let result = keep(index, fd, status, usage);
            let entry = arena::file(index);
            if matches!(-result, EACCES | EPERM) {
                ask_supervisor(index, fd);
            } else {
                finish(index, result);
            }
            let error = entry.error.load(Ordering::Relaxed);
            if error != 0 {
                let name = reenact_syscalls::errno_name(error).unwrap_or("an error");
                let text = text!("a mapped file could not be kept in the trace ({name})");
                crate::message::once(text.as_str());
            }
            index
        }
    };
    if arena::file(index).state.load(Ordering::Acquire) != file_state::STORED {
        return None;
    }
    if usage.is_executable {
        crate::sites::ensure_scanned(index);
    }
    Some(FileId(index as u32))
}

/// Keep bytes that are no file (the patched vDSO) under a key that cannot be a file's.
pub fn store_bytes(name: &[u8], key: u64, bytes: &[u8]) -> Option<FileId> {
    let status = Status {
        device: u64::MAX,
        inode: key,
        mode: 0,
        uid: 0,
        gid: 0,
        size: bytes.len() as u64,
        modified_ns: 0,
        changed_ns: 0,
        is_regular: true,
        links: 1,
        is_zero: false,
    };
    if let Some(index) = find(&status) {
        wait_until_stored(index);
        return Some(FileId(index as u32));
    }
    let index = add(&status, name)?;
    let to = create(index);
    if to < 0 {
        finish(index, to);
        return None;
    }
    let (from, length) = (bytes.as_ptr() as u64, bytes.len() as u64);
    // SAFETY: writes bytes of ours.
    let written =
        file_size_limit::lifted(|| unsafe { syscall4(PWRITE64, to as u64, from, length, 0) });
    close(to);
    let good = written == bytes.len() as i64;
    if !good {
        remove(index);
    }
    finish(index, if good { 0 } else { written.min(-numbers::EIO) });
    good.then_some(FileId(index as u32))
}

/// Another process is copying the file: wait for it, unless it has ended.
fn wait_until_stored(index: usize) {
    while is_being_stored(index) && arena::header().has_reader() {
        if !arena::Lock::of_file(index).is_held_by_another() && is_being_stored(index) {
            finish(index, -EINTR);
            return;
        }
        pause();
    }
}

fn pause() {
    let time = [0u64, arena::LOOK_AGAIN_NS];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(numbers::NANOSLEEP, time.as_ptr() as u64, 0) };
}
