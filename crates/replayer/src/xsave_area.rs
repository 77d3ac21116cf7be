//! x87 and vector state: XSAVE areas in the standard format.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use reenact_trace::{vectors, Attachment, Tag};
use reenact_translator::Translator;

use crate::error::ReplayError;
use crate::memory::Memory;

/// Layout of the legacy area and the header behind it.
const CONTROL_WORD: usize = 0;
const MXCSR: usize = 24;
/// Kernel's `_fpx_sw_bytes`: in bytes the hardware ignores.
const SOFTWARE_BYTES: usize = 464;
const XSTATE_BV: usize = 512;
const HEADER_END: usize = 576;
const LEGACY_SIZE: usize = 512;

const INITIAL_CONTROL_WORD: u16 = 0x37f;
const INITIAL_MXCSR: u32 = 0x1f80;
/// Bits of MXCSR that exist on every x86-64 CPU; loading others faults.
const MXCSR_MASK: u32 = 0xffff;
const X87_AND_SSE: u64 = 3;
/// Configuration and data of AMX tiles: loading them needs a permission that nobody here has
/// (ARCH_REQ_XCOMP_PERM); without it they are never in use.
const TILES: u64 = 3 << 17;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

/// An aligned XSAVE area.
#[derive(Clone)]
pub struct VectorState {
    lines: Vec<Line>,
}

impl VectorState {
    /// The state a program starts with, and a signal handler.
    pub fn initial(translator: &Translator) -> VectorState {
        let size = translator.vector_area_size().max(HEADER_END);
        let mut state = VectorState {
            lines: alloc::vec![Line([0; 64]); size.div_ceil(64)],
        };
        let bytes = state.bytes_mut();
        bytes[CONTROL_WORD..CONTROL_WORD + 2].copy_from_slice(&INITIAL_CONTROL_WORD.to_le_bytes());
        bytes[MXCSR..MXCSR + 4].copy_from_slice(&INITIAL_MXCSR.to_le_bytes());
        state
    }

    /// The state of the running thread.
    pub fn save(translator: &mut Translator) -> VectorState {
        let mut state = VectorState::initial(translator);
        // SAFETY: aligned, as long as the translator wants it.
        unsafe { translator.save_vectors(state.bytes_mut().as_mut_ptr()) };
        state
    }

    /// Make this the state of the running thread.
    pub fn load(&self, translator: &mut Translator) {
        // SAFETY: aligned; made by `save`, or sanitised.
        unsafe { translator.load_vectors(self.lines.as_ptr().cast()) };
    }

    /// The state that `rt_sigreturn` restores from `address` in a signal frame; 0: the initial one.
    pub fn from_signal_frame(
        translator: &Translator,
        memory: &Memory,
        address: u64,
    ) -> Result<VectorState, ReplayError> {
        let mut state = VectorState::initial(translator);
        if address == 0 {
            return Ok(state);
        }
        let bytes = state.bytes_mut();
        memory.read(address, &mut bytes[..LEGACY_SIZE])?;
        let word = |at: usize| {
            let mut value = [0u8; 4];
            value.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(value)
        };
        let extended = word(SOFTWARE_BYTES) == FP_XSTATE_MAGIC1;
        let features =
            u64::from(word(SOFTWARE_BYTES + 8)) | u64::from(word(SOFTWARE_BYTES + 12)) << 32;
        let size = word(SOFTWARE_BYTES + 16) as usize;
        let mxcsr = word(MXCSR) & MXCSR_MASK;
        bytes[MXCSR..MXCSR + 4].copy_from_slice(&mxcsr.to_le_bytes());
        let mut present = X87_AND_SSE;
        if extended && size >= HEADER_END {
            let end = size.min(bytes.len());
            memory.read(address + LEGACY_SIZE as u64, &mut bytes[LEGACY_SIZE..end])?;
            let mut value = [0u8; 8];
            value.copy_from_slice(&bytes[XSTATE_BV..XSTATE_BV + 8]);
            present = u64::from_le_bytes(value) & features & enabled_features();
        }
        // The rest of the header must be zero, or loading faults.
        bytes[XSTATE_BV..HEADER_END].fill(0);
        bytes[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&present.to_le_bytes());
        Ok(state)
    }

    /// The components that are logged, and their content. Those that hold zeros are left out, whether the processor
    /// regards them as being in use or not.
    pub fn components(&self) -> Vec<(u64, Vec<u8>)> {
        let area = self.bytes();
        let Some(legacy) = area.first_chunk() else {
            return Vec::new();
        };
        let mut all = Vec::from([
            (vectors::X87, Vec::from(vectors::x87(legacy))),
            (vectors::SSE, Vec::from(vectors::sse(legacy))),
        ]);
        for component in vectors::EXTENDED {
            let place = VectorState::place_of(component);
            let content = place.and_then(|(offset, size)| area.get(offset..offset + size));
            if let Some(content) = content.filter(|content| content.iter().any(|&byte| byte != 0)) {
                all.push((component, Vec::from(content)));
            }
        }
        all
    }

    /// The x87 pointers, which are no component, where they are not zero.
    pub fn x87_pointers(&self) -> Option<[u8; vectors::X87_POINTERS_SIZE]> {
        let pointers = vectors::x87_pointers(self.bytes().first_chunk()?);
        pointers.iter().any(|&byte| byte != 0).then_some(pointers)
    }

    /// The state whose components are attached to an event; `None`: none are.
    pub fn from_components<'a>(
        translator: &Translator,
        attachments: impl Iterator<Item = Attachment<'a>>,
    ) -> Option<VectorState> {
        let components = attachments
            .filter(|attachment| attachment.tag == Tag::Vectors)
            .map(|attachment| (attachment.address, attachment.payload));
        VectorState::of_components(translator, components)
    }

    /// The state with these components, by number; `None`: there are none, or one is damaged.
    pub fn of_components<'a>(
        translator: &Translator,
        components: impl Iterator<Item = (u64, &'a [u8])>,
    ) -> Option<VectorState> {
        let mut state = VectorState::initial(translator);
        let (bytes, mut present) = (state.bytes_mut(), 0u64);
        for (component, content) in components {
            match component {
                vectors::X87 if content.len() == vectors::X87_SIZE => {
                    vectors::put_x87(content, bytes.first_chunk_mut()?);
                }
                vectors::SSE if content.len() == vectors::SSE_SIZE => {
                    vectors::put_sse(content, bytes.first_chunk_mut()?);
                    bytes[MXCSR + 2..MXCSR + 4].fill(0);
                }
                vectors::X87_POINTERS if content.len() == vectors::X87_POINTERS_SIZE => {
                    vectors::put_x87_pointers(content, bytes.first_chunk_mut()?);
                    continue;
                }
                _ if vectors::EXTENDED.contains(&component) => {
                    let (offset, size) = VectorState::place_of(component)?;
                    let place = bytes.get_mut(offset..offset + size)?;
                    place.copy_from_slice(content.get(..size)?);
                }
                _ => return None,
            }
            present |= 1 << component;
        }
        bytes[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&present.to_le_bytes());
        (present != 0).then_some(state)
    }

    /// A state that a client sends; `None` when it is not as long as those of this machine.
    pub fn from_bytes(translator: &Translator, content: &[u8]) -> Option<VectorState> {
        let mut state = VectorState::initial(translator);
        let bytes = state.bytes_mut();
        if content.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(content);
        let mut value = [0u8; 8];
        value.copy_from_slice(&bytes[XSTATE_BV..XSTATE_BV + 8]);
        let present = u64::from_le_bytes(value) & enabled_features() & !TILES;
        // Loading faults on reserved bits.
        bytes[XSTATE_BV..HEADER_END].fill(0);
        bytes[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&present.to_le_bytes());
        bytes[MXCSR + 2..MXCSR + 4].fill(0);
        Some(state)
    }

    /// The XSAVE area for a client. Every component is named as present: which ones the processor
    /// regards as being in their initial state is its own business and differs from run to run
    /// (XINUSE, Intel SDM volume 1, 13.6); `save` has stored all of them.
    pub fn for_client(&self) -> Vec<u8> {
        let mut copy = self.clone();
        let bytes = copy.bytes_mut();
        let present = enabled_features() & !TILES;
        bytes[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&present.to_le_bytes());
        bytes.to_vec()
    }

    /// Offset and size of a state component in the area, if this processor has it.
    pub fn place_of(component: u64) -> Option<(usize, usize)> {
        const LEAF: u32 = 13;
        if enabled_features() >> component & 1 == 0 {
            return None;
        }
        let leaf = core::arch::x86_64::__cpuid_count(LEAF, component as u32);
        Some((leaf.ebx as usize, leaf.eax as usize))
    }

    /// The whole area.
    pub fn bytes(&self) -> &[u8] {
        let length = self.lines.len() * 64;
        // SAFETY: the lines are contiguous bytes.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let length = self.lines.len() * 64;
        // SAFETY: the lines are contiguous bytes.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), length) }
    }
}

/// State components the operating system has enabled (XCR0). Asked once: CPUID is slow in a virtual machine.
fn enabled_features() -> u64 {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    match KNOWN.load(Ordering::Relaxed) {
        0 => {
            let features = ask_enabled_features();
            KNOWN.store(features, Ordering::Relaxed);
            features
        }
        known => known,
    }
}

fn ask_enabled_features() -> u64 {
    const OSXSAVE: u32 = 1 << 27;
    if core::arch::x86_64::__cpuid(1).ecx & OSXSAVE == 0 {
        return X87_AND_SSE;
    }
    let (low, high): (u32, u32);
    // SAFETY: OSXSAVE says that the instruction exists.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high,
            options(nomem, nostack));
    }
    u64::from(low) | u64::from(high) << 32
}
