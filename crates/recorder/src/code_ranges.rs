//! Where call sites may be patched: in code of files that the program cannot write to. What it
//! writes itself it may write again, over a patch; and memory must stay writable that was.

/// More than any program has libraries; what does not fit is not patched.
const MOST: usize = 1024;
static mut RANGES: [[u64; 2]; MOST] = [[0; 2]; MOST];
static mut COUNT: usize = 0;

fn ranges() -> &'static mut [[u64; 2]] {
    // SAFETY: one thread at a time; COUNT never exceeds the capacity.
    unsafe { core::slice::from_raw_parts_mut((&raw mut RANGES).cast(), COUNT) }
}

/// Code of a file has been mapped, not writable.
pub fn add(start: u64, length: u64) {
    // SAFETY: one thread at a time.
    unsafe {
        if COUNT < MOST {
            COUNT += 1;
            ranges()[COUNT - 1] = [start, start.saturating_add(length)];
        }
    }
}

/// Something else is there now, or the program can write to it.
pub fn remove(start: u64, length: u64) {
    let end = start.saturating_add(length);
    let mut index = 0;
    while index < ranges().len() {
        let [first, last] = ranges()[index];
        if end <= first || last <= start {
            index += 1;
            continue;
        }
        let count = ranges().len();
        ranges().swap(index, count - 1);
        // SAFETY: one thread at a time; there is at least this one.
        unsafe { COUNT -= 1 };
        // What is left of it on either side goes to the end and does not overlap any more.
        if first < start {
            add(first, start - first);
        }
        if end < last {
            add(end, last - end);
        }
    }
}

/// Whether all of a range is such code.
pub fn contain(start: u64, length: u64) -> bool {
    ranges()
        .iter()
        .any(|&[first, last]| first <= start && start.saturating_add(length) <= last)
}
