//! addr2line's view of the debug information.

use std::sync::{Arc, Mutex};

use crate::Bytes;

/// addr2line's own cache, which is made for one thread at a time.
pub(crate) struct Lookup(pub Option<Mutex<addr2line::Context<Bytes>>>);

impl Lookup {
    pub fn new(dwarf: &Arc<gimli::Dwarf<Bytes>>) -> Lookup {
        Lookup(
            addr2line::Context::from_arc_dwarf(dwarf.clone())
                .ok()
                .map(Mutex::new),
        )
    }
}
