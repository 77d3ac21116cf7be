//! How the recorded processes learn that the supervisor is gone: the kernel tells them.
//!
//! A thread registers the word [`ArenaHeader::supervisor`] as a robust futex that it holds, and sleeps.
//! When it ends, by SIGKILL too, the kernel sets a bit in that word (Documentation/locking/robust-futex-ABI.rst).
//! It is a thread of its own because the C library registers a list of its own for every other one.
//!
//! [`ArenaHeader::supervisor`]: reenact_trace::arena::ArenaHeader::supervisor

use std::io;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::arena_memory::Arena;

/// `struct robust_list_head` and the only entry of the list (include/uapi/linux/futex.h).
#[repr(C)]
struct RobustList {
    first: *const *const RobustList,
    /// From an entry to its futex.
    futex_offset: isize,
    pending: *const *const RobustList,
    /// The entry: its successor, which is the head again.
    entry: *const RobustList,
}

/// As long as it lives, the word says that the supervisor does.
pub struct LifeLine {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Read by the kernel until the thread has ended.
    list: *mut RobustList,
}

impl LifeLine {
    /// Start the thread; the word is the thread's when this returns.
    ///
    /// # Errors
    /// When no thread can be made, or the kernel refuses its list.
    pub fn start(arena: &Arc<Arena>) -> io::Result<LifeLine> {
        let list = Box::into_raw(Box::new(RobustList {
            first: ptr::null(),
            futex_offset: 0,
            pending: ptr::null(),
            entry: ptr::null(),
        }));
        let mut line = LifeLine {
            end: None,
            thread: None,
            list,
        };
        // SAFETY: a fresh box that nobody else has.
        unsafe {
            (*list).entry = list;
            (*list).first = &raw const (*list).entry;
            let word = arena.header().supervisor.as_ptr();
            (*list).futex_offset = word as isize - (*list).first as isize;
        }
        let (end, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let (arena, address) = (Arc::clone(arena), list as usize);
        let body = move || {
            // SAFETY: the list outlives the thread; the size is that of the head.
            let result = unsafe { libc::syscall(libc::SYS_set_robust_list, address, 24) };
            // SAFETY: no effect.
            let tid = unsafe { libc::syscall(libc::SYS_gettid) };
            arena
                .header()
                .supervisor
                .store(tid as u32, Ordering::Release);
            let error = io::Error::last_os_error();
            let _ = tell.send(if result == 0 { Ok(()) } else { Err(error) });
            // Ends when the sender is dropped.
            let _ = wait.recv();
        };
        let thread = thread::Builder::new()
            .name("life line".into())
            .spawn(body)?;
        line.end = Some(end);
        line.thread = Some(thread);
        told.recv()
            .map_err(|_| io::Error::from_raw_os_error(libc::EAGAIN))??;
        Ok(line)
    }
}

impl Drop for LifeLine {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic: it only waits.
            let _ = thread.join();
        }
        // SAFETY: from `Box::into_raw`, and the thread is gone, for which the kernel read it.
        drop(unsafe { Box::from_raw(self.list) });
    }
}
