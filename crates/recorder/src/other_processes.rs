//! What other processes have in their reserved regions.

use reenact_freestanding::numbers::{EFAULT, PROCESS_VM_READV};
use reenact_freestanding::syscall::syscall6;

use crate::arena;

/// Whether a thread is of a recorded process whose memory we may look into, which is what the kernel asks of a tracer,
/// too: there is an arena.
pub fn is_recorded(tid: u32) -> bool {
    look_into(tid, core::ptr::from_ref(&arena::header().magic).cast()) == Ok(arena::header().magic)
}

/// A word of another process, of ours at this address.
pub fn look_into(tid: u32, address: *const u64) -> Result<u64, i64> {
    let mut found = [0; 8];
    read(tid, address as u64, &mut found)?;
    Ok(u64::from_ne_bytes(found))
}

/// Bytes of another process, of ours at this address.
pub fn read(tid: u32, address: u64, into: &mut [u8]) -> Result<(), i64> {
    let local = [into.as_mut_ptr() as u64, into.len() as u64];
    let remote = [address, into.len() as u64];
    // SAFETY: fills our bytes, by vectors of ours.
    let read = unsafe {
        let (local, remote) = (local.as_ptr() as u64, remote.as_ptr() as u64);
        syscall6(PROCESS_VM_READV, u64::from(tid), local, 1, remote, 1, 0)
    };
    match read {
        error if error < 0 => Err(error),
        count if count as usize == into.len() => Ok(()),
        _ => Err(-EFAULT),
    }
}
