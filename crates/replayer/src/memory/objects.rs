//! Changes of the files behind shared objects, made in the objects themselves: whoever has them mapped sees them.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_translator::Translator;

use super::written::{WrittenBlock, BLOCK};
use super::{page_down, page_up, Memory};
use crate::address_space::{WINDOW_ADDRESS, WINDOW_SIZE};
use crate::error::ReplayError;
use crate::guarded_copy::guarded_copy;
use crate::mappings::PAGE;
use crate::shared_objects;
use crate::system;

/// A part of an object, mapped for a moment where the program has nothing.
struct Window {
    length: u64,
}

impl Window {
    fn open(object: u32, offset: u64, length: u64) -> Result<Window, ReplayError> {
        const FLAGS: u64 = n::MAP_SHARED | n::MAP_FIXED | n::MAP_NORESERVE;
        let bad = ReplayError::BadEvent("a place that no shared object has");
        let (descriptor, place) =
            shared_objects::object_place(object, offset, length).ok_or(bad)?;
        let (address, both) = (WINDOW_ADDRESS, n::PROT_READ | n::PROT_WRITE);
        // SAFETY: a part of our region that is used for nothing else.
        unsafe { system::map(address, length, both, FLAGS, descriptor, place) }.map_err(
            |error| ReplayError::MappingRefused {
                address,
                length,
                errno: error.0,
            },
        )?;
        Ok(Window { length })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the window, to which nothing refers any more.
        let _ = unsafe { system::unmap(WINDOW_ADDRESS, self.length) };
    }
}

impl Memory {
    /// The file behind an object has these bytes now.
    pub fn write_object(
        &mut self,
        translator: &mut Translator,
        object: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), ReplayError> {
        if bytes.len() as u64 > WINDOW_SIZE - 2 * PAGE {
            return Err(ReplayError::BadEvent("more bytes than an attachment has"));
        }
        let end = offset.saturating_add(bytes.len() as u64);
        self.change_object(translator, object, [offset, end], |inside| {
            let to = (WINDOW_ADDRESS + inside) as *mut u8;
            // SAFETY: inside the window; a fault ends the copy.
            unsafe { guarded_copy(to, bytes.as_ptr(), bytes.len() as u64) == 0 }
        })
    }

    /// The file behind an object has zeros there now.
    pub fn zero_object(
        &mut self,
        translator: &mut Translator,
        object: u32,
        offset: u64,
        length: u64,
    ) -> Result<(), ReplayError> {
        let end = offset.saturating_add(length);
        let mut at = offset;
        // A hole needs no zeros, and must not become data by being looked at.
        while let Some([data, until]) = next_data(object, at, end)? {
            self.zero_data(translator, object, data, until)?;
            at = until;
        }
        Ok(())
    }

    fn zero_data(
        &mut self,
        translator: &mut Translator,
        object: u32,
        from: u64,
        to: u64,
    ) -> Result<(), ReplayError> {
        static ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];
        /// What has changed is found by comparing so much at a time.
        const COMPARED: u64 = 1 << 20;
        let most = if self.written.is_followed {
            COMPARED
        } else {
            WINDOW_SIZE
        };
        let mut at = from;
        while at < to {
            let whole = at.is_multiple_of(PAGE) && to - at >= PAGE;
            let until = if whole {
                page_down(to).min(at + most)
            } else {
                to.min(page_down(at) + PAGE)
            };
            self.change_object(translator, object, [at, until], |inside| {
                let start = WINDOW_ADDRESS + inside;
                // SAFETY: inside the window; a fault ends the copy.
                unsafe {
                    if whole {
                        system::advise(start, until - at, n::MADV_REMOVE).is_ok()
                    } else {
                        guarded_copy(start as *mut u8, ZEROS.as_ptr(), until - at) == 0
                    }
                }
            })?;
            at = until;
        }
        Ok(())
    }

    /// Where the program has mapped a part of an object: address and length.
    pub fn shown_at(
        &self,
        object: u32,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.views_of(object, from, to)
            .map(|(start, end)| (start, end - start))
    }

    /// Change a part of an object through a window; `change` is told where in the window it begins.
    fn change_object(
        &mut self,
        translator: &mut Translator,
        object: u32,
        [from, to]: [u64; 2],
        change: impl FnOnce(u64) -> bool,
    ) -> Result<(), ReplayError> {
        let (first, last) = (page_down(from), page_up(to));
        let views: Vec<(u64, u64)> = self.code_views_of(object, first, last).collect();
        for (start, end) in views {
            self.forget(translator, start, end);
        }
        let window = Window::open(object, first, last - first)?;
        let before = self.written.is_followed.then(|| content(window.length));
        let is_done = change(from - first);
        if let Some(before) = before {
            self.note_object_changes(object, first, &before, &content(window.length));
        }
        if is_done {
            Ok(())
        } else {
            Err(ReplayError::Inaccessible(WINDOW_ADDRESS))
        }
    }

    fn note_object_changes(&mut self, object: u32, first: u64, before: &[u8], now: &[u8]) {
        let blocks = now.chunks_exact(BLOCK).zip(before.chunks_exact(BLOCK));
        for (index, (now, before)) in blocks.enumerate() {
            let Some(&content) = now.first_chunk().filter(|_| now != before) else {
                continue;
            };
            self.written.changes.push(WrittenBlock {
                memory: object.into(),
                offset: first + (index * BLOCK) as u64,
                content,
            });
        }
    }
}

/// What the window shows.
fn content(length: u64) -> Vec<u8> {
    let mut content = alloc::vec![0u8; length as usize];
    // SAFETY: the window is mapped; a fault ends the copy.
    unsafe { guarded_copy(content.as_mut_ptr(), WINDOW_ADDRESS as *const u8, length) };
    content
}

/// The next data of an object in a range: from where to where.
fn next_data(object: u32, from: u64, to: u64) -> Result<Option<[u64; 2]>, ReplayError> {
    let bad = ReplayError::BadEvent("a place that no shared object has");
    let length = to.saturating_sub(from);
    let (descriptor, place) = shared_objects::object_place(object, from, length).ok_or(bad)?;
    let Ok(data) = system::seek(descriptor, place, n::SEEK_DATA) else {
        // No data from there on.
        return Ok(None);
    };
    let hole = system::seek(descriptor, data, n::SEEK_HOLE).unwrap_or(u64::MAX);
    let end = place + length;
    let inside = |at: u64| from + (at.min(end) - place);
    Ok((data < end).then(|| [inside(data), inside(hole)]))
}
