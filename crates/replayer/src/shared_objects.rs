//! Memory that processes share: an object for each file that can change while it is mapped,
//! reserved before the sandbox is entered, so that processes which meet by mapping the same file
//! find the same memory.

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::sharing::LAST_OBJECT;
pub use reenact_trace::sharing::OBJECT_SIZE;

use crate::system::{check, Errno};

/// Bytes of the memory file, which is sparse.
pub const FILE_SIZE: u64 = (LAST_OBJECT as u64 + 1) * OBJECT_SIZE;

static ALONE: AtomicBool = AtomicBool::new(false);
static OBJECTS: AtomicI32 = AtomicI32::new(-1);

/// Reserve the memory. Before the sandbox.
pub fn set_up() -> Result<(), &'static str> {
    let objects = new_objects().map_err(|_| {
        "cannot reserve the memory of shared objects: see the limit of file sizes (ulimit -f)"
    })?;
    set_objects(objects);
    Ok(())
}

/// A new, empty file for the memory of shared objects.
pub fn new_objects() -> Result<i32, Errno> {
    let name = c"reenact-objects".as_ptr() as u64;
    // SAFETY: a constant name.
    let objects = check(unsafe { syscall2(n::MEMFD_CREATE, name, n::MFD_CLOEXEC) })?;
    // SAFETY: our descriptor.
    check(unsafe { syscall2(n::FTRUNCATE, objects, FILE_SIZE) })?;
    Ok(objects as i32)
}

/// The file of the memory of shared objects.
pub fn objects() -> i32 {
    OBJECTS.load(Ordering::Relaxed)
}

/// From now on shared objects are in this file.
pub fn set_objects(objects: i32) {
    OBJECTS.store(objects, Ordering::Relaxed);
}

/// One process is replayed alone.
pub fn set_alone() {
    ALONE.store(true, Ordering::Relaxed);
}

/// Whether shared memory without a file is shared with anybody here. Where it is not, copies of the
/// replaying process (checkpoints) must have their own.
pub fn is_inherited() -> bool {
    !ALONE.load(Ordering::Relaxed)
}

/// Descriptor and offset of a place in a shared object; `None` when there is no such place.
pub fn object_place(object: u32, offset: u64, length: u64) -> Option<(i32, u64)> {
    let start = (u64::from(object) * OBJECT_SIZE).checked_add(offset)?;
    let is_place = object <= LAST_OBJECT && start.checked_add(length)? <= FILE_SIZE;
    is_place.then(|| (OBJECTS.load(Ordering::Relaxed), start))
}
