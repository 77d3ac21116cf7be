//! From an address to functions and lines, with inlined calls, by addr2line.

use std::sync::PoisonError;

use addr2line::{LookupContinuation, LookupResult};

use crate::demangling::demangled;
use crate::module::Module;
use crate::Error;

/// One function an address belongs to: itself, or one it was inlined into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFrame {
    /// Demangled; None where neither debug information nor symbol names it.
    pub function: Option<String>,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub column: Option<u32>,
    /// It was inlined into the next of the list.
    pub is_inlined: bool,
}

impl Module {
    /// The functions an address belongs to, innermost first; at least one.
    pub fn source_frames(&self, address: u64) -> Result<Vec<SourceFrame>, Error> {
        let mut found = Vec::new();
        if let Some(lookup) = &self.lookup.0 {
            let context = lookup.lock().unwrap_or_else(PoisonError::into_inner);
            let mut looked_up = context.find_frames(address);
            let mut frames = loop {
                match looked_up {
                    LookupResult::Output(frames) => break frames?,
                    LookupResult::Load { load, continuation } => {
                        looked_up = continuation.resume(self.units.split(load.dwo_id));
                    }
                }
            };
            while let Some(frame) = frames.next()? {
                let name = frame.function.as_ref();
                let location = frame.location.as_ref();
                found.push(SourceFrame {
                    function: name
                        .and_then(|name| Some(demangled(&name.raw_name().ok()?).into_owned())),
                    file: location.and_then(|place| place.file.map(str::to_owned)),
                    line: location.and_then(|place| place.line),
                    column: location.and_then(|place| place.column),
                    is_inlined: true,
                });
            }
        }
        if found.is_empty() {
            found.push(SourceFrame {
                function: None,
                file: None,
                line: None,
                column: None,
                is_inlined: false,
            });
        }
        if let Some(outermost) = found.last_mut() {
            outermost.is_inlined = false;
            if outermost.function.is_none() {
                let symbol = self.symbol_at(address);
                outermost.function = symbol.map(|symbol| symbol.demangled().into_owned());
            }
        }
        Ok(found)
    }
}
