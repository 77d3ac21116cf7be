//! Opens everything the replay may need of a trace, before the sandbox closes the door.

use alloc::vec::Vec;
use core::ffi::CStr;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall3, syscall4};

use crate::regular_file::{close, open_at, regular_size, O_NOFOLLOW};

/// The open descriptors of a trace.
pub struct TraceDirectory {
    pub events: StoredFile,
    /// `manifest.json`, if there is one.
    pub manifest: Option<StoredFile>,
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
        let directory = open_at(n::AT_FDCWD as i32, path, n::O_DIRECTORY)
            .ok_or("cannot open the trace directory")?;
        let events = open_at(directory, c"events", O_NOFOLLOW)
            .and_then(stored_file)
            .ok_or("the directory is not a trace: it has no file `events`")?;
        let mut files = Vec::new();
        if let Some(folder) = open_at(directory, c"files", n::O_DIRECTORY | O_NOFOLLOW) {
            open_files(folder, &mut files);
            close(folder);
        }
        let manifest = open_at(directory, c"manifest.json", O_NOFOLLOW).and_then(stored_file);
        close(directory);
        Ok(TraceDirectory {
            events,
            manifest,
            files,
        })
    }

    /// The highest of the descriptors.
    pub fn highest_descriptor(&self) -> i32 {
        let stored = self.files.iter().flatten().chain(&self.manifest);
        stored.fold(self.events.descriptor, |highest, file| {
            highest.max(file.descriptor)
        })
    }

    /// A stored file.
    pub fn file(&self, id: u32) -> Option<StoredFile> {
        self.files.get(id as usize).copied().flatten()
    }
}

fn stored_file(descriptor: i32) -> Option<StoredFile> {
    regular_size(descriptor).map(|size| StoredFile { descriptor, size })
}

/// A trace of a large build maps thousands of files.
fn raise_descriptor_limit() {
    let mut limit = [0u64; 2];
    // SAFETY: the kernel writes `limit` only.
    let result = unsafe {
        syscall4(
            n::PRLIMIT64,
            0,
            n::RLIMIT_NOFILE,
            0,
            limit.as_mut_ptr() as u64,
        )
    };
    if result == 0 {
        let raised = [limit[1], limit[1]];
        // SAFETY: the kernel reads `raised` only.
        unsafe { syscall4(n::PRLIMIT64, 0, n::RLIMIT_NOFILE, raised.as_ptr() as u64, 0) };
    }
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
