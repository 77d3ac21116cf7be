//! What the kernel calls the program's threads (`/proc/PID/task/TID/comm`): set by `prctl`, by what is
//! written to a `comm` file, and by the path of a program that is executed. The log has none of it: the names
//! are in memory that calls only read.

use alloc::collections::BTreeMap;

use reenact_freestanding::numbers as n;
use reenact_trace::{EventHeader, Tag};

use crate::feed::Group;
use crate::memory::Memory;

/// `TASK_COMM_LEN`, with the zero at the end.
const LENGTH: usize = 16;
/// Longer than the path of any `comm` file.
const LONGEST_PATH: usize = 64;
const F_DUPFD: u64 = 0;
/// `PATH_MAX`.
const LONGEST_PROGRAM: usize = 4096;

/// A name, zeros behind it.
pub type ThreadName = [u8; LENGTH];

/// The names of the threads of a process.
#[derive(Default)]
pub struct ThreadNames {
    known: BTreeMap<u32, ThreadName>,
    /// The first thread of the process.
    main: u32,
    /// Descriptors of `comm` files, and the thread whose they are.
    files: BTreeMap<i32, u32>,
}

impl ThreadNames {
    pub fn of(&self, tid: u32) -> ThreadName {
        self.known.get(&tid).copied().unwrap_or_default()
    }

    /// The first thread of the process.
    pub fn main(&self) -> u32 {
        self.main
    }

    /// Descriptors that name threads, and which.
    pub fn files(&self) -> impl Iterator<Item = (i32, u32)> + '_ {
        self.files
            .iter()
            .map(|(&descriptor, &tid)| (descriptor, tid))
    }

    /// As a snapshot says: the first thread.
    pub fn begin_with(&mut self, main: u32) {
        self.main = main;
    }

    /// As a snapshot says: a thread's name.
    pub fn set_name(&mut self, tid: u32, name: ThreadName) {
        self.known.insert(tid, name);
    }

    /// As a snapshot says: a descriptor that names a thread.
    pub fn set_file(&mut self, descriptor: i32, tid: u32) {
        self.files.insert(descriptor, tid);
    }

    /// A new thread or process is called as the one that has made it.
    pub fn inherit(&mut self, child: u32, parent: u32) {
        self.known.insert(child, self.of(parent));
    }

    /// A process was forked: it has one thread, and the descriptors of its parent.
    pub fn become_child(&mut self, tid: u32, parent: u32) {
        let name = self.of(parent);
        self.main = tid;
        self.known.clear();
        self.known.insert(tid, name);
    }

    /// Another program runs, in the one thread there is: it is called as the file is (`begin_new_exec` in the
    /// kernel's fs/exec.c), of a script as that.
    pub fn begin_image(&mut self, tid: u32, group: &Group<'_>, memory: &Memory) {
        self.main = tid;
        self.known.clear();
        // They are opened close-on-exec, as the C library does it.
        self.files.clear();
        let auxv = group.find(Tag::Auxv);
        let path = auxv.and_then(|attachment| executed(attachment.payload));
        let mut buffer = [0u8; LONGEST_PROGRAM];
        if let Some(path) = path.and_then(|address| text(memory, address, &mut buffer)) {
            let file = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
            self.known.insert(tid, cut(file));
        }
    }

    /// A system call has taken effect.
    pub fn after_call(&mut self, header: &EventHeader, memory: &Memory) {
        let [first, second, third, ..] = header.args;
        if header.result < 0 {
            return;
        }
        let descriptor = first as i32;
        match u64::from(header.code) {
            n::PRCTL if first == n::PR_SET_NAME => self.set(header.tid, memory, second, LENGTH),
            n::OPEN => self.open(header, memory, first),
            n::OPENAT => self.open(header, memory, second),
            _ if self.files.is_empty() => {}
            n::WRITE => {
                if let Some(&tid) = self.files.get(&descriptor) {
                    // What does not fit is lost (`comm_write` in fs/proc/base.c).
                    self.set(tid, memory, second, third.min(LENGTH as u64) as usize);
                }
            }
            n::CLOSE => {
                self.files.remove(&descriptor);
            }
            n::DUP | n::DUP2 | n::DUP3 => self.duplicate(descriptor, header),
            n::FCNTL if second == F_DUPFD || second == n::F_DUPFD_CLOEXEC => {
                self.duplicate(descriptor, header);
            }
            n::CLOSE_RANGE => {
                let closed = first as u32..=second as u32;
                self.files
                    .retain(|&kept, _| !closed.contains(&(kept as u32)));
            }
            _ => {}
        }
    }

    fn set(&mut self, tid: u32, memory: &Memory, address: u64, length: usize) {
        let mut buffer = [0u8; LENGTH];
        if let Some(name) = text(memory, address, &mut buffer[..length]) {
            self.known.insert(tid, cut(name));
        }
    }

    fn duplicate(&mut self, descriptor: i32, header: &EventHeader) {
        let made = header.result as i32;
        match self.files.get(&descriptor).copied() {
            Some(tid) => self.files.insert(made, tid),
            None => self.files.remove(&made),
        };
    }

    fn open(&mut self, header: &EventHeader, memory: &Memory, address: u64) {
        let descriptor = header.result as i32;
        let mut buffer = [0u8; LONGEST_PATH];
        let path = text(memory, address, &mut buffer).unwrap_or_default();
        match named_by(path, self.main, header.tid) {
            Some(tid) => self.files.insert(descriptor, tid),
            None => self.files.remove(&descriptor),
        };
    }
}

/// The thread that a path of a `comm` file means, for a thread that opens it.
fn named_by(path: &[u8], main: u32, own: u32) -> Option<u32> {
    let inside = path.strip_prefix(b"/proc/")?.strip_suffix(b"/comm")?;
    let mut parts = inside.split(|&byte| byte == b'/');
    let process = match parts.next()? {
        b"thread-self" => own,
        b"self" => main,
        number => decimal(number)?,
    };
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Some(process),
        (Some(b"task"), Some(number), None) => decimal(number),
        _ => None,
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the path is that a program was executed by.
fn executed(auxv: &[u8]) -> Option<u64> {
    let word = |bytes: &[u8]| bytes.first_chunk().copied().map(u64::from_le_bytes);
    auxv.chunks_exact(16)
        .find(|pair| word(pair) == Some(n::AT_EXECFN))
        .and_then(|pair| word(&pair[8..]))
}

/// The text at an address, as far as there is room; `None` where nothing can be read.
fn text<'a>(memory: &Memory, address: u64, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    const PAGE: u64 = 4096;
    let mut length = 0;
    while length < buffer.len() {
        let at = address.wrapping_add(length as u64);
        let piece = ((PAGE - at % PAGE) as usize).min(buffer.len() - length);
        let part = &mut buffer[length..length + piece];
        if memory.read(at, part).is_err() {
            break;
        }
        if let Some(end) = part.iter().position(|&byte| byte == 0) {
            return Some(&buffer[..length + end]);
        }
        length += piece;
    }
    (length > 0).then(|| &buffer[..length])
}

fn cut(name: &[u8]) -> ThreadName {
    let mut found = ThreadName::default();
    let length = name.len().min(LENGTH - 1);
    found[..length].copy_from_slice(&name[..length]);
    found
}
