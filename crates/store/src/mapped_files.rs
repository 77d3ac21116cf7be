//! Which kept files the replay of a process needs: of a trace that is fetched piece by piece, only those are.

use std::collections::BTreeSet;

use reenact_trace::{Events, FileId, MapRecord, Tag};

use crate::log::Log;
use crate::process_table;

/// Numbers of the files that a process maps, and those before it from which its memory comes by fork.
///
/// What cannot be read maps nothing: the replay ends there, too.
pub fn of_process(log: &Log, process: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut next = Some(process);
    while let Some(number) = next {
        let chunks = log.beginning_of(number).iter();
        for place in chunks.chain(log.chunks_of(number)) {
            let Ok(content) = log.content(place) else {
                continue;
            };
            for event in Events::new(&content).map_while(Result::ok) {
                let maps = event.attachments().filter(|one| one.tag == Tag::Map);
                let records = maps.filter_map(|one| MapRecord::from_bytes(one.payload));
                let files = records.map(|record| record.file);
                found.extend(files.filter(|file| *file != FileId::NONE.0));
            }
        }
        // A log that does not begin with its process is replayed from there. A number above its own is
        // damage, and would lead round in a circle.
        let begins_later = log.begins_behind(number).is_some();
        let parent = process_table::describe(log, number).parent;
        next = parent.filter(|parent| !begins_later && *parent < number);
    }
    found
}
