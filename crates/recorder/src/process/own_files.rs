//! Landlock: a program keeps itself from files, and us with it. Of ours only one file is needed under its path after
//! that, the recorder, which is executed with each of the program's images; the supervisor keeps files for those who
//! may not write to the trace.

use reenact_freestanding::numbers::LANDLOCK_ADD_RULE;
use reenact_freestanding::syscall::syscall4;

use crate::arena;

// include/uapi/linux/landlock.h
const PATH_BENEATH: u64 = 1;
const EXECUTE: u64 = 1;
const READ_FILE: u64 = 4;

/// Let the recorder be executed under a ruleset that a thread is about to take upon itself.
pub fn allow(ruleset: u64) {
    let recorder = arena::header().recorder_fd as u32;
    // A ruleset that is not about one of these accesses takes no rule with it, and refuses nothing of it either.
    for access in [EXECUTE | READ_FILE, EXECUTE, READ_FILE] {
        let mut rule = [0u8; 12];
        rule[..8].copy_from_slice(&access.to_le_bytes());
        rule[8..].copy_from_slice(&recorder.to_le_bytes());
        let at = rule.as_ptr() as u64;
        // SAFETY: a packed structure of ours.
        if unsafe { syscall4(LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, at, 0) } == 0 {
            return;
        }
    }
}
