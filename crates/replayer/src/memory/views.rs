//! Views: a program can map the same pages of shared memory at several addresses, and write through one what it
//! executes through another (just-in-time compilers that keep no page writable and executable do).

use alloc::vec::Vec;

use reenact_translator::Translator;

use super::{Memory, PROT_EXEC};
use crate::mappings::{Mapping, PAGE};

impl Memory {
    /// Where the program has mapped the page of shared memory that it has at `page`, this place first.
    pub(super) fn views(&self, page: u64) -> Vec<u64> {
        let mut views = Vec::from([page]);
        let Some((object, offset)) = self.place_in_object(page) else {
            return views;
        };
        let others = self.views_of(object, offset, offset + PAGE);
        views.extend(
            others
                .map(|(start, _)| start)
                .filter(|&other| other != page),
        );
        views
    }

    /// The shared object behind a page, and the page's offset in it.
    fn place_in_object(&self, page: u64) -> Option<(u32, u64)> {
        let (start, mapping) = self.table.find(page)?;
        (mapping.object != 0).then(|| (mapping.object, mapping.offset.wrapping_add(page - start)))
    }

    /// The parts of mappings that show a part of a shared object: start and end.
    pub(super) fn views_of(
        &self,
        object: u32,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (u64, u64)> + '_ {
        let shown = move |mapping| shown(mapping, from, to);
        self.table.of_object(object).filter_map(shown)
    }

    /// The same of those that can be executed, so that code may have been translated there.
    pub(super) fn code_views_of(
        &self,
        object: u32,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (u64, u64)> + '_ {
        let shown = move |mapping| shown(mapping, from, to);
        self.table.code_of_object(object).filter_map(shown)
    }

    /// A range can be written from now on: what has been translated from other views of it would not be
    /// noticed to be stale. It will be translated anew, with this view watched.
    pub(super) fn forget_views(&mut self, translator: &mut Translator, start: u64, end: u64) {
        let written: Vec<(u32, u64, u64)> = self
            .table
            .overlapping(start, end)
            .filter(|(_, mapping)| mapping.object != 0)
            .map(|(from, mapping)| {
                let (first, last) = (from.max(start), mapping.end.min(end));
                let offset = mapping.offset.wrapping_add(first - from);
                (mapping.object, offset, offset.wrapping_add(last - first))
            })
            .collect();
        for (object, from, to) in written {
            let views: Vec<(u64, u64)> = self.code_views_of(object, from, to).collect();
            for (first, last) in views {
                self.forget(translator, first, last);
            }
        }
    }

    /// Other processes have run, which may have written to shared memory: code there is translated anew.
    pub fn forget_shared_code(&mut self, translator: &mut Translator) {
        let is_code = |mapping: &Mapping| {
            (mapping.is_shared() || mapping.object != 0) && mapping.protection & PROT_EXEC != 0
        };
        let code: Vec<(u64, u64)> = self
            .table
            .iter()
            .filter(|(_, mapping)| is_code(mapping))
            .map(|(start, mapping)| (start, mapping.end))
            .collect();
        for (start, end) in code {
            self.forget(translator, start, end);
        }
    }
}

/// Where a mapping, with its start, shows a part of its object.
fn shown((start, mapping): (u64, &Mapping), from: u64, to: u64) -> Option<(u64, u64)> {
    let end = mapping.offset.saturating_add(mapping.end - start);
    let (first, last) = (from.max(mapping.offset), to.min(end));
    (first < last).then(|| {
        let at = |offset: u64| start + (offset - mapping.offset);
        (at(first), at(last))
    })
}
