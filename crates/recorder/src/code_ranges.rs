//! Where call sites may be patched: in code of files that the program cannot write to. What it
//! writes itself it may write again, over a patch; and memory must stay writable that was.

use reenact_trace::FileId;

/// Code of a file in memory.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    end: u64,
    file: FileId,
    /// Offset in the file of what lies at `start`.
    offset: u64,
}

/// More than any program has libraries; what does not fit is not patched.
const MOST: usize = 1024;
static mut RANGES: [Range; MOST] = [Range {
    start: 0,
    end: 0,
    file: FileId::NONE,
    offset: 0,
}; MOST];
static mut COUNT: usize = 0;

fn ranges() -> &'static mut [Range] {
    // SAFETY: one thread at a time; COUNT never exceeds the capacity.
    unsafe { core::slice::from_raw_parts_mut((&raw mut RANGES).cast(), COUNT) }
}

/// Code of a file has been mapped, not writable.
pub fn add(start: u64, length: u64, file: FileId, offset: u64) {
    let end = start.saturating_add(length);
    push(Range {
        start,
        end,
        file,
        offset,
    });
}

fn push(range: Range) {
    // SAFETY: one thread at a time.
    unsafe {
        if COUNT < MOST {
            COUNT += 1;
            ranges()[COUNT - 1] = range;
        }
    }
}

/// Something else is there now, or the program can write to it.
pub fn remove(start: u64, length: u64) {
    let end = start.saturating_add(length);
    let mut index = 0;
    while index < ranges().len() {
        let old = ranges()[index];
        if end <= old.start || old.end <= start {
            index += 1;
            continue;
        }
        let count = ranges().len();
        ranges().swap(index, count - 1);
        // SAFETY: one thread at a time; there is at least this one.
        unsafe { COUNT -= 1 };
        // What is left of it on either side goes to the end and does not overlap any more.
        if old.start < start {
            push(Range { end: start, ..old });
        }
        if end < old.end {
            let offset = old.offset + (end - old.start);
            push(Range {
                start: end,
                offset,
                ..old
            });
        }
    }
}

/// The file and the offset of `length` bytes of such code.
pub fn find(start: u64, length: u64) -> Option<(FileId, u64)> {
    let holds = |range: &&Range| range.start <= start && start.saturating_add(length) <= range.end;
    let range = ranges().iter().find(|range| holds(range))?;
    Some((range.file, range.offset + (start - range.start)))
}
