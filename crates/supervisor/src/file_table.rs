//! Files kept in a trace: `files.jsonl`, checksums, and the instruction sites recorders wait for.
//! Runs on a thread of its own, so that a large file does not hold up the drain loop.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use reenact_files::{create_private, create_private_directory, identity_of};
use reenact_trace::arena::{file_origin, file_state, FileEntry, FILE_PATH_MAX, KEPT_FILE_MODE};
use reenact_trace::checksum::Checksum;
use reenact_trace::FileIdentity;
use serde_json::json;

use crate::arena_memory::Arena;
use crate::file_cache::FileCache;
use crate::futex;
use crate::site_cache::SiteCache;

/// Work for the thread.
#[derive(Clone, Copy, Debug)]
pub enum FileTask {
    /// Find the sites of an entry and wake who waits.
    Scan(usize),
    /// Copy the file of an entry for a process that may not.
    Keep(usize),
    /// The entry is stored (or has failed): describe it.
    Describe(usize),
}

/// Thread state.
pub struct FileTable {
    arena: Arc<Arena>,
    directory: PathBuf,
    list: File,
    sites: SiteCache,
    copies: FileCache,
    /// Stored files by size and checksum.
    contents: HashMap<(u64, u64), usize>,
}

impl FileTable {
    pub fn create(arena: Arc<Arena>, trace: &Path, copies: FileCache) -> io::Result<FileTable> {
        let directory = trace.join("files");
        create_private_directory(&directory)?;
        let list = create_private(&trace.join("files.jsonl"))?;
        Ok(FileTable {
            arena,
            directory,
            list,
            sites: SiteCache::open(),
            copies,
            contents: HashMap::new(),
        })
    }

    /// Work until the sender is gone; descriptions wait while scans are asked for.
    pub fn run(mut self, tasks: &Receiver<FileTask>) {
        let mut later = Vec::new();
        while let Ok(task) = tasks.recv() {
            let mut next = Some(task);
            while let Some(task) = next {
                match task {
                    FileTask::Scan(index) => self.scan(index),
                    FileTask::Keep(index) => self.keep(index),
                    FileTask::Describe(index) => later.push(index),
                }
                next = tasks.try_recv().ok();
                if next.is_none() && !later.is_empty() {
                    self.describe(later.remove(0));
                    next = tasks.try_recv().ok();
                }
            }
            for index in later.drain(..) {
                self.describe(index);
            }
        }
        self.copies.prune();
    }

    fn entry(&self, index: usize) -> &FileEntry {
        // SAFETY: the entry lies in the mapping; its creator has filled the plain fields
        // before it counted it in `files`, and only this thread writes the site fields.
        unsafe { &*self.arena.file_entry(index) }
    }

    fn original(entry: &FileEntry) -> &Path {
        let length = (entry.path_length as usize).min(FILE_PATH_MAX);
        Path::new(OsStr::from_bytes(&entry.path[..length]))
    }

    fn scan(&self, index: usize) {
        let entry = self.entry(index);
        let sites = self.sites.sites(&entry.identity(), || {
            let stored = self.directory.join(index.to_string());
            match entry.state.load(Ordering::Acquire) {
                file_state::STORED => fs::read(stored),
                _ => fs::read(Self::original(entry)),
            }
        });
        let calls = sites.words.len() - sites.instructions;
        let (first, count, calls) = match self.arena.publish_sites(&sites.words) {
            Some(first) => (first, sites.instructions as u32, calls as u32),
            None => (0, 0, 0),
        };
        let entry = self.arena.file_entry(index);
        // SAFETY: only this thread writes these fields, and readers wait for `sites_ready`.
        unsafe {
            (*entry).sites = first;
            (*entry).site_count = count;
            (*entry).call_site_count = calls;
            let ready = &(*entry).sites_ready;
            ready.store(1, Ordering::Release);
            futex::wake_all(ready);
        }
    }

    fn keep(&self, index: usize) {
        let entry = self.entry(index);
        let error = match self.copy(index, entry) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
        };
        entry.error.store(error, Ordering::Relaxed);
        let state = if error == 0 {
            file_state::STORED
        } else {
            file_state::FAILED
        };
        entry.state.store(state, Ordering::Release);
    }

    /// Copy what the asking process has open; of a process in another pid namespace, what has the path.
    fn copy(&self, index: usize, entry: &FileEntry) -> io::Result<()> {
        let asker = entry.asker.load(Ordering::Relaxed);
        let descriptor = entry.descriptor.load(Ordering::Relaxed);
        let open = PathBuf::from(format!("/proc/{asker}/fd/{descriptor}"));
        // The recorder has added to the time of the inode's change how often it saw the content change.
        let wanted = FileIdentity {
            changed_ns: 0,
            ..entry.identity()
        };
        let is_it = |file: &File| {
            let found = identity_of(file);
            found.is_ok_and(|found| {
                wanted
                    == FileIdentity {
                        changed_ns: 0,
                        ..found
                    }
            })
        };
        let mut source = [open.as_path(), Self::original(entry)]
            .into_iter()
            .filter_map(|path| File::open(path).ok())
            .find(is_it)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EACCES))?;
        let stored = self.directory.join(index.to_string());
        let mut kept = create_private(&stored)?;
        let copied = io::copy(&mut source, &mut kept)
            .and_then(|_| kept.set_permissions(Permissions::from_mode(KEPT_FILE_MODE)));
        if copied.is_err() {
            drop(fs::remove_file(&stored));
        }
        copied
    }

    fn describe(&mut self, index: usize) {
        let entry = self.entry(index);
        let original_size = entry.size;
        let path = Self::original(entry).to_string_lossy().into_owned();
        let mut line = json!({
            "id": index, "path": path, "size": original_size, "mtime_ns": entry.modified_ns,
        });
        if entry.state.load(Ordering::Acquire) == file_state::STORED {
            let stored = self.directory.join(index.to_string());
            if let Ok(content) = self.checksum(index, &stored) {
                // A file that changed while it was copied has another size than it had.
                let size = fs::metadata(&stored).map_or(original_size, |status| status.len());
                line["size"] = json!(size);
                line["checksum"] = json!(format!("{content:016x}"));
                self.share(index, (size, content));
            }
        } else {
            line["error"] = json!(entry.error.load(Ordering::Acquire));
        }
        let line = format!("{line}\n");
        let length = self.list.metadata().map(|status| status.len());
        if self.list.write_all(line.as_bytes()).is_err() {
            // A full disk shows in the log, too, and is reported there. No half line stays.
            if let Ok(length) = length {
                drop(self.list.set_len(length));
            }
        }
    }

    /// The checksum of a stored file, which is known when an earlier recording has made the copy.
    fn checksum(&mut self, index: usize, stored: &Path) -> io::Result<u64> {
        let entry = self.entry(index);
        let origin = entry.origin.load(Ordering::Relaxed);
        let identity = entry.identity();
        if origin == file_origin::CACHE {
            if let Some(known) = self.copies.checksum(&identity) {
                return Ok(known);
            }
        }
        let content = checksum_of(stored)?;
        if origin == file_origin::SHAREABLE {
            self.copies.add(&identity, stored, content);
        }
        Ok(content)
    }

    /// Let files of the same content share their bytes.
    fn share(&mut self, index: usize, key: (u64, u64)) {
        let Some(&first) = self.contents.get(&key) else {
            self.contents.insert(key, index);
            return;
        };
        let kept = self.directory.join(first.to_string());
        let other = self.directory.join(index.to_string());
        let equal = fs::read(&kept).and_then(|kept| Ok(kept == fs::read(&other)?));
        if !equal.is_ok_and(|equal| equal) {
            return;
        }
        let link = self.directory.join(format!("{index}.link"));
        if fs::hard_link(&kept, &link).is_ok() {
            drop(fs::rename(&link, other));
        }
    }
}

fn checksum_of(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut state = Checksum::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(state.finish()),
            count => state.add(&buffer[..count]),
        }
    }
}
