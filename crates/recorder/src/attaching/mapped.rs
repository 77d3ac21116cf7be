//! What the program has mapped, as the supervisor tells it.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall3, syscall4, syscall5, syscall6};
use reenact_trace::attaching::{advice, Attaching, Mapping, MAPPINGS_ADDRESS};
use reenact_trace::snapshot::mapping as mapping_flags;

use crate::log::Builder;
use crate::mappings::{self, File, Source};
use crate::{address_space, guest};

/// Keep what is mapped: the files of it go into the trace, its code is prepared.
pub fn record(told: &Attaching, event: &mut Builder) {
    for_each(told, |mapping, path| {
        record_one(mapping, path, event);
        if mapping.advice & advice::DROPPABLE != 0 {
            make_anonymous(mapping);
        }
        for (told, flag) in [
            (advice::LEFT_OUT, mapping_flags::LEFT_OUT),
            (advice::WIPED | advice::DROPPABLE, mapping_flags::WIPED),
        ] {
            if mapping.advice & told != 0 {
                let length = mapping.end - mapping.start;
                address_space::advise_fork(mapping.start, length, flag, true);
            }
        }
    });
}

/// Whether a file is mapped that can change by the mapping: it is an object, for which there are turns.
pub fn has_objects(told: &Attaching) -> bool {
    let mut has_any = false;
    for_each(told, |mapping, _| has_any |= is_object(mapping));
    has_any
}

fn is_object(mapping: &Mapping) -> bool {
    let is_shared = u64::from(mapping.flags) & MAP_SHARED != 0;
    is_shared && u64::from(mapping.protection) & PROT_WRITE != 0 && mapping.path_length != 0
}

fn for_each(told: &Attaching, mut act: impl FnMut(&Mapping, u64)) {
    let mut at = MAPPINGS_ADDRESS;
    for _ in 0..told.mappings {
        // SAFETY: filled in by the supervisor.
        let mapping = unsafe { &*(at as *const Mapping) };
        act(mapping, at + size_of::<Mapping>() as u64);
        at += Mapping::total_size(mapping.path_length);
    }
}

fn record_one(mapping: &Mapping, path: u64, event: &mut Builder) {
    let (protection, mut flags) = (u64::from(mapping.protection), u64::from(mapping.flags));
    let length = mapping.end - mapping.start;
    let mut file = None;
    if mapping.path_length != 0 {
        file = open(path, mapping);
        if file.is_none() && !make_anonymous(mapping) {
            let text = crate::text!(
                "{:#x}: what is mapped there is of a file that is not to be found; its bytes are not kept",
                mapping.start
            );
            crate::message::once(text.as_str());
        }
    }
    if file.is_none() {
        flags |= MAP_ANONYMOUS;
    }
    let of = file.as_ref().unwrap_or(&File::NONE);
    mappings::record_mapping(event, mapping.start, length, protection, flags, of);
    // Whether it could be written to once nobody knows.
    address_space::protect(mapping.start, length, protection | PROT_WRITE);
    address_space::protect(mapping.start, length, protection);
    if let Some(file) = file {
        // SAFETY: a descriptor of ours.
        unsafe { syscall1(CLOSE, file.fd as u64) };
    }
}

/// The file that is mapped, if its path still leads to it.
fn open(path: u64, mapping: &Mapping) -> Option<File> {
    // SAFETY: a NUL-terminated path of the supervisor's.
    let fd = unsafe { syscall4(OPENAT, AT_FDCWD as u64, path, O_RDONLY | O_CLOEXEC, 0) };
    if fd < 0 {
        return None;
    }
    let loaded = File::loaded(fd as i32, mapping.offset);
    let file = File {
        source: if is_object(mapping) {
            Source::Object
        } else {
            loaded.source
        },
        ..loaded
    };
    let is_it = file
        .status
        .as_ref()
        // Of devices, file systems in layers tell two.
        .is_some_and(|status| status.inode == mapping.inode);
    if !is_it {
        // SAFETY: a descriptor of ours.
        unsafe { syscall1(CLOSE, fd as u64) };
    }
    is_it.then_some(file)
}

/// Let memory with the same bytes take the place of a private mapping; false where there is none.
fn make_anonymous(mapping: &Mapping) -> bool {
    let length = mapping.end - mapping.start;
    let (protection, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    // SAFETY: fresh memory; the program's mapping is readable then, and stands still.
    unsafe {
        let copy = syscall6(MMAP, 0, length, protection, flags, u64::MAX, 0);
        if copy < 0 {
            return false;
        }
        let copy = copy as u64;
        if u64::from(mapping.protection) & PROT_READ == 0 {
            syscall3(MPROTECT, mapping.start, length, PROT_READ);
        }
        let mut page = [0u8; PAGE as usize];
        for at in (0..length).step_by(PAGE as usize) {
            // Beyond the end of the file there is none.
            if guest::read(mapping.start + at, &mut page) {
                guest::write(copy + at, &page);
            }
        }
        syscall3(MPROTECT, copy, length, mapping.protection.into());
        let flags = MREMAP_MAYMOVE | MREMAP_FIXED;
        syscall5(MREMAP, copy, length, length, flags, mapping.start) as u64 == mapping.start
    }
}
