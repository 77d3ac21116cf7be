//! The lowest pages of memory, which the kernel lets nobody map but who may reach the machine's own devices (CAP_SYS_RAWIO;
//! `vm.mmap_min_addr`). In its sandbox the replayer is nobody: where it can, it maps them before, without access, and a program
//! that has had some gets them.

use core::sync::atomic::{AtomicBool, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall4;

use crate::system::{self, check, Errno};

/// As many as `vm.mmap_min_addr` keeps free on any machine.
const END: u64 = 64 << 10;

static ARE_OURS: AtomicBool = AtomicBool::new(false);

/// Whether an address is one of theirs.
pub fn contains(address: u64) -> bool {
    address < END
}

/// Map them, if that is allowed. Before the sandbox.
pub fn keep() {
    let flags = n::MAP_PRIVATE | n::MAP_ANONYMOUS | n::MAP_NORESERVE | n::MAP_FIXED_NOREPLACE;
    // SAFETY: nothing is there.
    let mapped = unsafe { system::map(0, END, n::PROT_NONE, flags, -1, 0) };
    ARE_OURS.store(mapped == Ok(0), Ordering::Relaxed);
}

/// How many bytes of a range are ours to give.
fn length_in(address: u64, length: u64) -> u64 {
    if ARE_OURS.load(Ordering::Relaxed) {
        END.saturating_sub(address).min(length)
    } else {
        0
    }
}

/// A mapping of the program's, private where it reaches down here.
///
/// # Safety
/// It replaces whatever is there.
pub unsafe fn map(
    address: u64,
    length: u64,
    protection: u64,
    flags: u64,
    descriptor: i32,
    offset: u64,
) -> Result<(), Errno> {
    let low = length_in(address, length);
    // SAFETY: by contract.
    unsafe {
        if low > 0 {
            if flags & n::MAP_TYPE != n::MAP_PRIVATE {
                return Err(Errno(n::EPERM as i32));
            }
            system::protect(address, low, n::PROT_READ | n::PROT_WRITE)?;
            system::advise(address, low, n::MADV_DONTNEED)?;
            if descriptor >= 0 {
                fill(address, low, descriptor, offset)?;
            }
            system::protect(address, low, protection)?;
        }
        if low < length {
            let (rest, from) = (length - low, offset + low);
            system::map(address + low, rest, protection, flags, descriptor, from)?;
        }
    }
    Ok(())
}

/// Read a file to there, as far as it goes.
unsafe fn fill(address: u64, length: u64, descriptor: i32, offset: u64) -> Result<(), Errno> {
    let mut done = 0;
    while done < length {
        let (to, room, from) = (address + done, length - done, offset + done);
        // SAFETY: by the caller's contract. The kernel is told the address as it is: to the language, there is nothing at 0.
        match check(unsafe { syscall4(n::PREAD64, descriptor as u64, to, room, from) })? {
            0 => break,
            count => done += count,
        }
    }
    Ok(())
}

/// A range of the program's is no longer mapped.
///
/// # Safety
/// Nothing may use it afterwards.
pub unsafe fn unmap(address: u64, length: u64) -> Result<(), Errno> {
    let low = length_in(address, length);
    // SAFETY: by contract.
    unsafe {
        if low > 0 {
            system::advise(address, low, n::MADV_DONTNEED)?;
            system::protect(address, low, n::PROT_NONE)?;
        }
        if low < length {
            system::unmap(address + low, length - low)?;
        }
    }
    Ok(())
}
