//! The translator's tables as they are at first, in a file in memory: mapping it again is much cheaper than
//! writing a megabyte whenever a program is replaced by another.

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall2;
use reenact_translator::Translator;

use crate::system;

/// The descriptor; -1: there is none.
static IMAGE: AtomicI32 = AtomicI32::new(-1);

/// Where the tables are, and their length in bytes.
static START: AtomicU64 = AtomicU64::new(0);
static LENGTH: AtomicU64 = AtomicU64::new(0);

/// Make the file. Before the sandbox; without it, the tables are written.
pub fn set_up() {
    let name = c"reenact-tables".as_ptr() as u64;
    // SAFETY: a constant name.
    let descriptor = unsafe { syscall2(n::MEMFD_CREATE, name, n::MFD_CLOEXEC) };
    if descriptor >= 0 {
        IMAGE.store(descriptor as i32, Ordering::Relaxed);
    }
}

/// The descriptor of the file; -1: there is none.
pub fn descriptor() -> i32 {
    IMAGE.load(Ordering::Relaxed)
}

/// Fill the file from the tables of a translator that has translated nothing yet, and use it from now on.
pub fn take(translator: &mut Translator) {
    let descriptor = IMAGE.load(Ordering::Relaxed);
    let (start, length) = translator.tables();
    // SAFETY: the tables are the translator's, which lives.
    let content = unsafe { core::slice::from_raw_parts(start, length) };
    if descriptor < 0 || system::write_all(descriptor, content).is_err() {
        return;
    }
    START.store(start as u64, Ordering::Relaxed);
    LENGTH.store(length as u64, Ordering::Relaxed);
    restore();
    // SAFETY: the file has just been given the content that the tables have.
    unsafe { translator.set_table_restorer(restore) };
}

/// Map the file over the tables.
fn restore() {
    let start = START.load(Ordering::Relaxed);
    let length = LENGTH.load(Ordering::Relaxed);
    let protection = n::PROT_READ | n::PROT_WRITE;
    let flags = n::MAP_PRIVATE | n::MAP_FIXED | n::MAP_NORESERVE;
    let descriptor = IMAGE.load(Ordering::Relaxed);
    // SAFETY: the range holds the tables only.
    let mapped = unsafe { system::map(start, length, protection, flags, descriptor, 0) };
    // Nothing can be trusted if that failed: half of the old content may be gone.
    assert!(mapped == Ok(start), "cannot map the translator's tables");
}
