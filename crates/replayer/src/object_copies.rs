//! Shared objects of a copy that waits: it needs memory of its own, as `fork` gives it of all else.
//!
//! A process that is replayed alone shares its objects with nobody, yet they are mapped shared: all
//! mappings of an object show the same memory. Without this a checkpoint would see what the
//! process writes later.

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall1, syscall4};

use crate::machine::Machine;
use crate::mappings::Mapping;
use crate::memory::host_protection;
use crate::shared_objects;
use crate::system::{self, check, Errno};

/// Whether a copy has to get objects of its own before the original goes on.
pub fn are_needed(machine: &Machine) -> bool {
    let is_empty = matches!(
        system::seek(shared_objects::objects(), 0, n::SEEK_DATA),
        Err(Errno(ENXIO))
    );
    let mut mappings = machine.memory.table.iter();
    !is_empty || mappings.any(|(_, mapping)| mapping.object != 0)
}

/// In a copy, right after `fork`: give it objects of its own, with their content.
pub fn separate(machine: &mut Machine) -> Result<(), Errno> {
    let old = shared_objects::objects();
    let new = shared_objects::new_objects()?;
    copy(old, new)?;
    shared_objects::set_objects(new);
    let shared = machine
        .memory
        .table
        .iter()
        .filter(|(_, mapping)| mapping.object != 0);
    let shared: alloc::vec::Vec<(u64, Mapping)> =
        shared.map(|(start, &mapping)| (start, mapping)).collect();
    for (start, mapping) in shared {
        let length = mapping.end - start;
        if u64::from(mapping.protection) & n::PROT_EXEC != 0 {
            machine
                .memory
                .forget(&mut machine.translator, start, mapping.end);
        }
        let place = shared_objects::object_place(mapping.object, mapping.offset, length);
        let (descriptor, offset) = place.ok_or(Errno(EINVAL))?;
        let (protection, visibility) = if mapping.is_shared() {
            (host_protection(mapping.protection), n::MAP_SHARED)
        } else {
            (machine.memory.protection_of(&mapping), n::MAP_PRIVATE)
        };
        let own = machine.memory.save_private(start, mapping.end);
        // SAFETY: the range is the program's, and was mapped from the same place of the old file.
        unsafe {
            system::map(
                start,
                length,
                protection,
                visibility | n::MAP_FIXED | n::MAP_NORESERVE,
                descriptor,
                offset,
            )
        }?;
        let restored = machine.memory.restore_private(&own, 0);
        restored.map_err(|_| Errno(EINVAL))?;
    }
    // SAFETY: the descriptor is ours, and nothing refers to it any more.
    unsafe { syscall1(n::CLOSE, old as u64) };
    Ok(())
}

const EINVAL: i32 = n::EINVAL as i32;
const ENXIO: i32 = n::ENXIO as i32;

/// Copy what a sparse file has.
fn copy(from: i32, to: i32) -> Result<(), Errno> {
    let mut buffer = alloc::vec![0u8; 1 << 16];
    let mut at = 0;
    loop {
        at = match system::seek(from, at, n::SEEK_DATA) {
            Ok(at) => at,
            // No data from here on.
            Err(Errno(ENXIO)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let end = system::seek(from, at, n::SEEK_HOLE)?;
        while at < end {
            let length = (end - at).min(buffer.len() as u64) as usize;
            let read = system::read_at(from, &mut buffer[..length], at)?;
            if read == 0 {
                return Ok(());
            }
            write_at(to, &buffer[..read], at)?;
            at += read as u64;
        }
    }
}

fn write_at(descriptor: i32, bytes: &[u8], offset: u64) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        // SAFETY: the kernel reads `bytes` only.
        let result = unsafe {
            syscall4(
                n::PWRITE64,
                descriptor as u64,
                bytes[done..].as_ptr() as u64,
                (bytes.len() - done) as u64,
                offset + done as u64,
            )
        };
        done += check(result)? as usize;
    }
    Ok(())
}
