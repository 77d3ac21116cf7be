//! The limit of file sizes: the arena and the trace are larger than what the recorded program may write.

use std::sync::{Mutex, PoisonError};

use reenact_trace::arena::LIMIT_MARGIN;

use crate::launch::{self, limit_of};

/// How many recordings of this process have it raised, and what it was before.
static RAISED: Mutex<(usize, [u64; 2])> = Mutex::new((0, [libc::RLIM_INFINITY; 2]));

/// This process's limit, raised as far as it may be until this is dropped.
pub struct Raised {
    before: [u64; 2],
}

impl Raised {
    pub fn new() -> Raised {
        let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, before) = &mut *raised;
        *count += 1;
        if *count == 1 {
            *before = limit_of(None, libc::RLIMIT_FSIZE);
            let [_, hard] = *before;
            if !set([libc::RLIM_INFINITY; 2]) {
                set([hard; 2]);
            }
        }
        Raised { before: *before }
    }

    /// What a program has that is started now: its own soft limit, but the hard one is higher where it can be, as the recorder has
    /// it for those that the program sets.
    pub fn for_program(&self) -> [u64; 2] {
        let [soft, hard] = self.before;
        if hard == libc::RLIM_INFINITY || !self.has_margin() {
            return self.before;
        }
        [soft, hard.saturating_add(LIMIT_MARGIN)]
    }

    /// The limits that the recorder leaves as they are.
    pub fn left_alone(&self) -> [u64; 2] {
        if self.has_margin() {
            [libc::RLIM_INFINITY; 2]
        } else {
            self.before
        }
    }

    fn has_margin(&self) -> bool {
        limit_of(None, libc::RLIMIT_FSIZE)[1] == libc::RLIM_INFINITY
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
        raised.0 -= 1;
        if raised.0 == 0 {
            set(raised.1);
        }
    }
}

fn set(limit: [u64; 2]) -> bool {
    launch::set_limit(libc::RLIMIT_FSIZE, limit)
}
