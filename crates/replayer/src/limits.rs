//! Resource limits of a replayer: what a program in a trace can use up when it has taken over the
//! process that replays it. They only go down, but for one that a user has set for programs.

use linux_raw_sys::general::{
    __NR_prlimit64, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NOFILE,
    RLIMIT_NPROC,
};
use reenact_freestanding::syscall::syscall4;

/// Bytes of a file that changes of shared memory are appended to.
const MOST_APPENDED: u64 = 64 << 30;
/// Descriptors that a serving process may make beside those it has: the socket of a copy, and
/// shared memory of its own.
const MORE_DESCRIPTORS: u64 = 4;

/// What the limits are made for.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Processes of the user whom the kernel counts.
    pub processes: u64,
    /// Above all descriptors there are.
    pub first_free: u64,
    /// Bytes of the file of shared objects, which a serving process makes again for each copy.
    pub serves: Option<u64>,
}

/// Files may be as large as the user lets them be: what somebody has set for programs is not about ours.
pub fn raise_file_sizes() {
    let mut limit = [0u64; 2];
    // SAFETY: the kernel writes `limit`, then reads it.
    unsafe {
        let (number, resource) = (u64::from(__NR_prlimit64), u64::from(RLIMIT_FSIZE));
        if syscall4(number, 0, resource, 0, limit.as_mut_ptr() as u64) == 0 && limit[0] < limit[1] {
            limit[0] = limit[1];
            syscall4(number, 0, resource, limit.as_ptr() as u64, 0);
        }
    }
}

/// Lower the limits.
pub fn lower(need: &Need) {
    // A core file would be the trace's content, where its owner did not ask for it.
    set(RLIMIT_CORE, 0);
    set(RLIMIT_MEMLOCK, 0);
    set(RLIMIT_MSGQUEUE, 0);
    set(RLIMIT_NPROC, need.processes);
    let more = if need.serves.is_some() {
        MORE_DESCRIPTORS
    } else {
        0
    };
    set(RLIMIT_NOFILE, need.first_free + more);
    set(RLIMIT_FSIZE, need.serves.unwrap_or(MOST_APPENDED));
}

fn set(resource: u32, value: u64) {
    let mut limit = [0u64; 2];
    let address = limit.as_mut_ptr() as u64;
    // SAFETY: the kernel writes `limit` only.
    let result = unsafe {
        syscall4(
            u64::from(__NR_prlimit64),
            0,
            u64::from(resource),
            0,
            address,
        )
    };
    if result == 0 {
        let lowered = [value.min(limit[0]), value.min(limit[1])];
        let address = lowered.as_ptr() as u64;
        // SAFETY: the kernel reads `lowered` only.
        unsafe {
            syscall4(
                u64::from(__NR_prlimit64),
                0,
                u64::from(resource),
                address,
                0,
            )
        };
    }
}
