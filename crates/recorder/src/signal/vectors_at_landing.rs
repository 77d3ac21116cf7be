//! The x87 and vector registers of a landing (in a loop only they may tell the rounds apart) and of a snapshot.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_trace::vectors::{self, EXTENDED, LEGACY_SIZE, MOST_BYTES};
use reenact_trace::Tag;

use super::components;
use crate::cpuid;
use crate::log::Builder;
use reenact_interpose::extended_state::{self, ExtendedState, XSAVE_MAX};
use reenact_interpose::Frame;

/// Where the XSAVE area has each of [`EXTENDED`]; 0: not asked yet. CPUID costs an exit on a virtual
/// machine.
static OFFSETS: [AtomicU32; EXTENDED.len()] = [const { AtomicU32::new(0) }; EXTENDED.len()];

/// Offset and size of a component in the XSAVE area.
fn place(index: usize) -> Option<(usize, usize)> {
    const LEAF: u32 = 13;
    // The SDM fixes the sizes, but not the offsets.
    const SIZES: [usize; EXTENDED.len()] = [256, 64, 512, MOST_BYTES];
    let known = OFFSETS[index].load(Ordering::Relaxed);
    let offset = if known == 0 {
        let asked = cpuid::ask(LEAF, EXTENDED[index] as u32).ebx;
        OFFSETS[index].store(asked, Ordering::Relaxed);
        asked
    } else {
        known
    } as usize;
    let size = SIZES[index];
    (offset > LEGACY_SIZE && offset + size <= XSAVE_MAX).then_some((offset, size))
}

/// Attach the vector registers of the interrupted program.
pub fn attach(event: &mut Builder, interrupted: &Frame) {
    let mut area = ExtendedState([0; XSAVE_MAX]);
    extended_state::save(interrupted, components(), &mut area);
    attach_saved(event, &area);
}

/// The same of those that have been saved.
pub fn attach_saved(event: &mut Builder, area: &ExtendedState) {
    let components = components();
    if let Some(legacy) = area.0.first_chunk() {
        event.bytes(Tag::Vectors, vectors::X87, &vectors::x87(legacy));
        event.bytes(Tag::Vectors, vectors::SSE, &vectors::sse(legacy));
    }
    for (index, &component) in EXTENDED.iter().enumerate() {
        if components.features >> component & 1 == 0 {
            continue;
        }
        let Some((offset, size)) = place(index) else {
            continue;
        };
        let content = &area.0[offset..offset + size];
        if content.iter().any(|&byte| byte != 0) {
            event.bytes(Tag::Vectors, component, content);
        }
    }
}
