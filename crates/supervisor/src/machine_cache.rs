//! What all processors of this machine answer to CPUID, remembered until it is booted again.
//!
//! In a virtual machine each question leaves it, which takes microseconds, and there are some
//! hundred questions for each processor: as long as a short program runs.

use std::fs;
use std::path::PathBuf;

use reenact_files::{cache_part, replace_private};
use serde_json::{json, Value};

use crate::machine;

const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// Leaves that are asked again: names and features of the processor, its state components.
const PROBES: [(u32, u32); 4] = [(0, 0), (1, 0), (7, 0), (0xd, 0)];

type Leaves = Vec<[u32; 6]>;

/// CPUID answers of the processors we may run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processors {
    /// Of one of them: `[leaf, subleaf, eax, ebx, ecx, edx]`.
    pub leaves: Leaves,
    /// Those that answer differently.
    pub differing: Vec<(usize, Leaves)>,
}

/// The file, and what an entry in it must say to be about this boot and these processors.
struct Place {
    file: PathBuf,
    boot: String,
    allowed: Vec<usize>,
}

fn place() -> Option<Place> {
    Some(Place {
        file: cache_part("machine")?.join("cpuid.json"),
        boot: fs::read_to_string(BOOT).ok()?.trim().to_owned(),
        allowed: machine::allowed_processors(),
    })
}

/// What an earlier recording has found out, if it still holds.
pub fn recall() -> Option<Processors> {
    let place = place()?;
    let known: Value = serde_json::from_slice(&fs::read(&place.file).ok()?).ok()?;
    let same = known["boot"] == json!(place.boot) && known["allowed"] == json!(place.allowed);
    let processors = Processors {
        leaves: serde_json::from_value(known["leaves"].clone()).ok()?,
        differing: serde_json::from_value(known["differing"].clone()).ok()?,
    };
    (same && is_current(&processors)).then_some(processors)
}

/// A virtual machine may have been moved to another processor since.
fn is_current(processors: &Processors) -> bool {
    PROBES.iter().all(|&(leaf, subleaf)| {
        let found = processors
            .leaves
            .iter()
            .find(|known| known[..2] == [leaf, subleaf]);
        found.is_none_or(|known| {
            machine::without_number(&machine::ask(leaf, subleaf)) == machine::without_number(known)
        })
    })
}

/// Remember for the next recording. Does nothing where that is not possible.
pub fn remember(processors: &Processors) {
    let Some(place) = place() else {
        return;
    };
    let known = json!({
        "boot": place.boot,
        "allowed": place.allowed,
        "leaves": processors.leaves,
        "differing": processors.differing,
    });
    drop(replace_private(&place.file, known.to_string().as_bytes()));
}
