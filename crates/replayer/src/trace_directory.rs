//! Opens everything the replay may need of a trace, before the sandbox closes the door.

use alloc::vec::Vec;
use core::ffi::CStr;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall1, syscall2, syscall3, syscall4};

use crate::side_file;
use crate::system::check;

const O_NOFOLLOW: u64 = 0o400000;
const O_NONBLOCK: u64 = 0o4000;
const O_DIRECTORY: u64 = 0o200000;

/// The open descriptors of a trace.
pub struct TraceDirectory {
    pub events: i32,
    /// `manifest.json`, if there is one.
    pub manifest: Option<StoredFile>,
    /// The file of landings that were found before, or what stands in for it.
    pub landings: Option<i32>,
    files: Vec<Option<StoredFile>>,
}

/// A file of the trace's store.
#[derive(Clone, Copy, Debug)]
pub struct StoredFile {
    pub descriptor: i32,
    /// Bytes.
    pub size: u64,
}

impl TraceDirectory {
    /// Open `<path>/events` and all of `<path>/files`.
    pub fn open(path: &CStr) -> Result<TraceDirectory, &'static str> {
        raise_descriptor_limit();
        let directory = open_at(n::AT_FDCWD as i32, path, O_DIRECTORY)
            .ok_or("cannot open the trace directory")?;
        let events = open_at(directory, c"events", O_NOFOLLOW)
            .filter(|&descriptor| regular_size(descriptor).is_some())
            .ok_or("the directory is not a trace: it has no file `events`")?;
        let mut files = Vec::new();
        if let Some(folder) = open_at(directory, c"files", O_DIRECTORY | O_NOFOLLOW) {
            open_files(folder, &mut files);
            close(folder);
        }
        let manifest = open_at(directory, c"manifest.json", O_NOFOLLOW).and_then(|descriptor| {
            regular_size(descriptor).map(|size| StoredFile { descriptor, size })
        });
        let landings = side_file::open(directory);
        close(directory);
        Ok(TraceDirectory {
            events,
            manifest,
            landings,
            files,
        })
    }

    /// A stored file.
    pub fn file(&self, id: u32) -> Option<StoredFile> {
        self.files.get(id as usize).copied().flatten()
    }
}

/// A trace of a large build maps thousands of files.
fn raise_descriptor_limit() {
    const RLIMIT_NOFILE: u64 = 7;
    let mut limit = [0u64; 2];
    // SAFETY: the kernel writes `limit` only.
    let result = unsafe { syscall4(n::PRLIMIT64, 0, RLIMIT_NOFILE, 0, limit.as_mut_ptr() as u64) };
    if result == 0 {
        let raised = [limit[1], limit[1]];
        // SAFETY: the kernel reads `raised` only.
        unsafe { syscall4(n::PRLIMIT64, 0, RLIMIT_NOFILE, raised.as_ptr() as u64, 0) };
    }
}

fn open_at(directory: i32, path: &CStr, flags: u64) -> Option<i32> {
    // O_NONBLOCK: a fifo planted in somebody else's trace must not hang us.
    let flags = flags | n::O_CLOEXEC | O_NONBLOCK;
    // SAFETY: the path is NUL-terminated.
    let result = unsafe {
        syscall4(
            n::OPENAT,
            directory as i64 as u64,
            path.as_ptr() as u64,
            flags,
            0,
        )
    };
    check(result).ok().map(|descriptor| descriptor as i32)
}

fn close(descriptor: i32) {
    // SAFETY: our descriptor.
    unsafe { syscall1(n::CLOSE, descriptor as u64) };
}

/// A regular file of the directory.
#[derive(Clone, Copy, Debug)]
pub struct RegularFile {
    pub descriptor: i32,
    /// Its names in the file system.
    pub links: u64,
}

/// Open a regular file with these flags.
pub fn open_regular(directory: i32, name: &CStr, flags: u64) -> Option<RegularFile> {
    let descriptor = open_at(directory, name, flags | O_NOFOLLOW)?;
    let Some(stat) = status(descriptor) else {
        close(descriptor);
        return None;
    };
    let links = stat[2];
    Some(RegularFile { descriptor, links })
}

/// The size of a regular file in bytes, `None` for anything else.
fn regular_size(descriptor: i32) -> Option<u64> {
    status(descriptor).map(|stat| stat[6])
}

/// `struct stat` of a regular file as words: st_nlink is word 2, st_mode the low half of word 3,
/// st_size word 6.
fn status(descriptor: i32) -> Option<[u64; 18]> {
    const TYPE_MASK: u64 = 0o170000;
    const REGULAR: u64 = 0o100000;
    let mut stat = [0u64; 18];
    // SAFETY: the kernel writes 144 bytes.
    let result = unsafe { syscall2(n::FSTAT, descriptor as u64, stat.as_mut_ptr() as u64) };
    (result == 0 && stat[3] & TYPE_MASK == REGULAR).then_some(stat)
}

/// Open each file named by a number.
fn open_files(folder: i32, files: &mut Vec<Option<StoredFile>>) {
    let mut buffer = [0u64; 4096];
    loop {
        // SAFETY: the kernel writes into `buffer` only.
        let length = unsafe {
            syscall3(
                n::GETDENTS64,
                folder as u64,
                buffer.as_mut_ptr() as u64,
                size_of_val(&buffer) as u64,
            )
        };
        if length <= 0 {
            return;
        }
        // SAFETY: the buffer is that long and initialised.
        let bytes =
            unsafe { core::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), length as usize) };
        for name in DirectoryEntries(bytes) {
            let Some(id) = number(name) else { continue };
            let Some(descriptor) = open_at(folder, name, O_NOFOLLOW) else {
                continue;
            };
            let Some(size) = regular_size(descriptor) else {
                close(descriptor);
                continue;
            };
            let index = id as usize;
            if files.len() <= index {
                files.resize(index + 1, None);
            }
            files[index] = Some(StoredFile { descriptor, size });
        }
    }
}

/// Names in a `getdents64` buffer.
struct DirectoryEntries<'a>(&'a [u8]);

impl<'a> Iterator for DirectoryEntries<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        const LENGTH_OFFSET: usize = 16;
        const NAME_OFFSET: usize = 19;
        let length = usize::from(u16::from_le_bytes([
            *self.0.get(LENGTH_OFFSET)?,
            *self.0.get(LENGTH_OFFSET + 1)?,
        ]));
        let entry = self.0.get(..length)?;
        let name = CStr::from_bytes_until_nul(entry.get(NAME_OFFSET..)?).ok()?;
        self.0 = &self.0[length..];
        Some(name)
    }
}

fn number(name: &CStr) -> Option<u32> {
    const MOST_FILES: u32 = reenact_trace::arena::FILE_TABLE_ENTRIES as u32;
    name.to_str()
        .ok()?
        .parse()
        .ok()
        .filter(|&id| id < MOST_FILES)
}

/// Whether `descriptor` is open.
pub fn is_open(descriptor: i32) -> bool {
    const F_GETFD: u64 = 1;
    // SAFETY: asks only.
    unsafe { syscall2(n::FCNTL, descriptor as u64, F_GETFD) >= 0 }
}
