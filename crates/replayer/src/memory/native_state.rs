//! What is known of code that the processor executes as it is. Pure.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::{FileId, MapRecord};

use crate::mappings::{Execution, Mapping};

/// What there is for it.
#[derive(Default)]
pub struct NativeCode {
    pub is_wanted: bool,
    /// Something is not as it was while recording: this image is translated.
    pub is_lost: bool,
    /// Pages with trampolines, which are not in the table.
    pub trampolines: Vec<u64>,
    pub pages: ScannedPages,
    /// Pages with breakpoints, which are not executed as they are.
    pub closed: BTreeSet<u64>,
    /// Of the table of mappings when they were closed.
    pub closed_at: u64,
}

/// Pages of [`Execution::Scanned`] that are executable and not writable now, and hold nothing that is not determined.
#[derive(Default)]
pub struct ScannedPages(BTreeSet<u64>);

impl ScannedPages {
    pub fn insert(&mut self, page: u64) {
        self.0.insert(page);
    }

    pub fn contains(&self, page: u64) -> bool {
        self.0.contains(&page)
    }

    /// One of a range is not any more.
    pub fn take(&mut self, start: u64, end: u64) -> Option<u64> {
        let page = *self.0.range(start..end.max(start)).next()?;
        self.0.remove(&page);
        Some(page)
    }

    /// Those of a range may be written to.
    pub fn forget(&mut self, start: u64, end: u64) {
        while self.take(start, end).is_some() {}
    }
}

/// How the code of a new mapping is executed: that of a file stays as it is.
pub fn execution(record: &MapRecord) -> Execution {
    let is_kept = FileId(record.file) != FileId::NONE
        && record.object == 0
        && u64::from(record.protection) & n::PROT_WRITE == 0;
    if is_kept {
        Execution::Native
    } else {
        Execution::Scanned
    }
}

/// The program can write to a mapping.
pub fn may_be_written(mapping: &mut Mapping) {
    if mapping.execution == Execution::Native {
        mapping.execution = Execution::Scanned;
    }
}
