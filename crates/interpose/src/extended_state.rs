//! The program's x87 and vector registers while it is held: the low halves of the vector registers are in
//! its frame, the rest is still in the machine. Saved and loaded as XSAVE areas.

use core::arch::x86_64::CpuidResult;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::frame::{Frame, XMM};

/// First field of the software bytes of the XSAVE area.
const MAGIC1: u32 = 0x4650_5853;
/// Follows the XSAVE area.
const MAGIC2: u32 = 0x4650_5845;
/// Offset of the software bytes in the legacy area.
const SOFTWARE_BYTES: u64 = 464;
/// Offset of the header's first word: which components are in use (XSTATE_BV).
const XSTATE_IN_USE: u64 = 512;
const XSAVE_HEADER_END: u32 = 576;
/// What FNINIT loads.
const INITIAL_CONTROL_WORD: u64 = 0x37f;
/// Largest XSAVE area we handle (AMX needs 11 KiB; the kernel's default features 2.7 KiB).
pub const XSAVE_MAX: usize = 16 * 1024;

/// Size of the XSAVE area for the features in `FEATURES`, bytes; 0 until asked once.
static XSAVE_SIZE: AtomicU64 = AtomicU64::new(0);
static FEATURES: AtomicU64 = AtomicU64::new(0);
/// Features that a process has only after it has asked for them (XFEATURE_MASK_USER_DYNAMIC of
/// arch/x86/include/asm/fpu/xstate.h): the tiles, whose 8 KiB would overflow the alternate stacks
/// of programs that never use them.
const ON_REQUEST: u64 = 1 << 18;
static REQUESTED: AtomicU64 = AtomicU64::new(0);

/// The program has been permitted a feature (`ARCH_REQ_XCOMP_PERM`).
pub fn permit(feature: u64) {
    if feature < 64 {
        REQUESTED.fetch_or(1 << feature, Ordering::Relaxed);
        XSAVE_SIZE.store(0, Ordering::Relaxed);
    }
}

/// Which state components signal frames of the program have, and the size of their XSAVE area.
#[derive(Clone, Copy, Debug)]
pub struct Components {
    /// A bit for each (XCR0).
    pub features: u64,
    /// Bytes.
    pub size: u64,
}

/// The state components of this process.
///
/// Args:
///   * `ask`: answers CPUID (leaf, subleaf). Called when a first signal is delivered, and never again: on
///     a virtual machine CPUID costs an exit.
pub fn components(ask: impl Fn(u32, u32) -> CpuidResult) -> Components {
    if XSAVE_SIZE.load(Ordering::Relaxed) == 0 {
        let (low, high): (u32, u32);
        // SAFETY: every 64-bit system with leaf 13 in use has XGETBV.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
        }
        let enabled = u64::from(high) << 32 | u64::from(low);
        let features = enabled & !(ON_REQUEST & !REQUESTED.load(Ordering::Relaxed));
        // CPUID leaf 13: EAX and EBX of a feature's subleaf are its size and offset, EBX of
        // subleaf 0 is the size of all that are enabled.
        let size = if features == enabled {
            ask(13, 0).ebx
        } else {
            (2..64)
                .filter(|feature| features >> feature & 1 != 0)
                .map(|feature| ask(13, feature))
                .map(|leaf| leaf.ebx + leaf.eax)
                .fold(XSAVE_HEADER_END, u32::max)
        };
        FEATURES.store(features, Ordering::Relaxed);
        XSAVE_SIZE.store(u64::from(size), Ordering::Relaxed);
    }
    Components {
        features: FEATURES.load(Ordering::Relaxed),
        size: XSAVE_SIZE.load(Ordering::Relaxed),
    }
}

/// Take the mark "in use" from the x87 state of a frame that the kernel has made, if that state is
/// the initial one. The kernel always sets the mark (save_xstate_epilog of
/// arch/x86/kernel/fpu/signal.c), and what returns by the frame would have x87 in use on
/// processors that track it: the program sees it in what XSAVE, XSAVEC and XSAVEOPT store.
///
/// # Safety
/// `state` is the `fpstate` of a frame of the kernel's, or 0.
pub unsafe fn keep_x87_unused(state: u64) {
    const X87: u64 = 1;
    if state == 0 {
        return;
    }
    // SAFETY: by contract there are the legacy area and, behind the magic number, the header.
    let word = |at: u64| unsafe { &mut *((state + at) as *mut u64) };
    if *word(SOFTWARE_BYTES) as u32 != MAGIC1 || *word(XSTATE_IN_USE) & X87 == 0 {
        return;
    }
    // Control word, status, tags and opcode, the two pointers; MXCSR; eight registers.
    let is_initial = *word(0) == INITIAL_CONTROL_WORD
        && (8..24).chain(32..160).step_by(8).all(|at| *word(at) == 0);
    if is_initial {
        *word(XSTATE_IN_USE) &= !X87;
    }
}

/// An aligned buffer for one XSAVE area.
#[repr(C, align(64))]
pub struct ExtendedState(pub [u8; XSAVE_MAX]);

/// Write the program's vector and x87 state to `to`: its xmm registers come from the frame, the
/// rest is still in the machine.
pub fn save(frame: &Frame, components: Components, to: &mut ExtendedState) {
    // SAFETY: `to` is 64-byte aligned and large enough; header must start as zero.
    unsafe {
        core::ptr::write_bytes(to.0.as_mut_ptr().add(512), 0, 64);
        vector_save(frame, to.0.as_mut_ptr(), components.features);
    }
}

/// What an instruction of the program that stores state components writes to `to`, over what is there.
///
/// # Safety
/// The processor has the instruction, and what it stores fits.
pub unsafe fn store(frame: &Frame, to: &mut ExtendedState, mask: u64, which: u32) {
    // SAFETY: by contract; 64-byte aligned.
    unsafe { vector_store(frame, to.0.as_mut_ptr(), mask, which) }
}

/// Make a saved area one of a signal frame (save_xstate_epilog of arch/x86/kernel/fpu/signal.c), and say how
/// long it is: the software bytes tell what follows the legacy part.
pub fn finish_for_frame(area: &mut ExtendedState, components: Components) -> usize {
    let length = frame_size(components);
    let at = SOFTWARE_BYTES as usize;
    area.0[at..at + 48].fill(0);
    area.0[at..at + 4].copy_from_slice(&MAGIC1.to_le_bytes());
    area.0[at + 4..at + 8].copy_from_slice(&(length as u32).to_le_bytes());
    area.0[at + 8..at + 16].copy_from_slice(&components.features.to_le_bytes());
    area.0[at + 16..at + 20].copy_from_slice(&(components.size as u32).to_le_bytes());
    // x87 and SSE always count as in use.
    area.0[XSTATE_IN_USE as usize] |= 3;
    let end = components.size as usize;
    area.0[end..end + 4].copy_from_slice(&MAGIC2.to_le_bytes());
    length
}

/// Length of the area in a signal frame, bytes.
pub fn frame_size(components: Components) -> usize {
    (components.size as usize + size_of_val(&MAGIC2)).min(XSAVE_MAX)
}

/// What of the area of a signal frame is to be read, whose legacy part has been: its length, or `None`
/// where nothing follows the legacy part.
pub fn length_in_frame(area: &ExtendedState, components: Components) -> Option<usize> {
    let word = |offset: usize| {
        let at = SOFTWARE_BYTES as usize + offset;
        let mut bytes = [0u8; 4];
        bytes.copy_from_slice(&area.0[at..at + 4]);
        u32::from_le_bytes(bytes)
    };
    let length = word(16) as usize;
    (word(0) == MAGIC1 && length <= XSAVE_MAX).then(|| length.min(components.size as usize))
}

/// An area of which only the legacy part is known: x87 and SSE from it, everything else initial.
pub fn keep_legacy_only(area: &mut ExtendedState) {
    let at = XSTATE_IN_USE as usize;
    area.0[at..at + 8].copy_from_slice(&3u64.to_le_bytes());
}

/// Length of the legacy part, bytes.
pub const LEGACY_SIZE: usize = 512;

/// Load the program's vector and x87 state from an XSAVE area; the xmm registers go to the frame.
/// False when the area is not valid (XRSTOR would fault).
pub fn load(frame: &mut Frame, components: Components, from: &ExtendedState) -> bool {
    let header = |index: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&from.0[512 + index * 8..520 + index * 8]);
        u64::from_le_bytes(word)
    };
    let mut mxcsr = [0u8; 4];
    mxcsr.copy_from_slice(&from.0[24..28]);
    if header(0) & !components.features != 0
        || (1..8).any(|index| header(index) != 0)
        || u32::from_le_bytes(mxcsr) & !0xffff != 0
    {
        return false;
    }
    // SAFETY: the header was checked, so XRSTOR does not fault.
    unsafe {
        vector_load(frame, from.0.as_ptr(), components.features);
    }
    true
}

/// The state a signal handler starts with (the kernel's fpu__clear_user_states).
pub fn reset(frame: &mut Frame, components: Components) {
    let mut area = ExtendedState([0; XSAVE_MAX]);
    area.0[0..8].copy_from_slice(&INITIAL_CONTROL_WORD.to_le_bytes());
    area.0[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
    load(frame, components, &area);
}

extern "C" {
    /// Load the frame's xmm registers, then XSAVE `features` to `area`.
    fn vector_save(frame: *const Frame, area: *mut u8, features: u64);
    /// The same with another instruction: XSAVE, XSAVEC, XSAVEOPT are 0, 2, 4; 1 more with 64-bit x87 pointers.
    fn vector_store(frame: *const Frame, area: *mut u8, mask: u64, which: u32);
    /// XRSTOR `features` from `area`, then store the xmm registers to the frame.
    fn vector_load(frame: *mut Frame, area: *const u8, features: u64);
}

// In one piece of assembly each, so that the compiler can use no vector register in between.
global_asm!(
    // Load the xmm registers of the frame at rdi.
    "vector_take:",
    "movups xmm0, [rdi + {xmm} + 0]",
    "movups xmm1, [rdi + {xmm} + 16]",
    "movups xmm2, [rdi + {xmm} + 32]",
    "movups xmm3, [rdi + {xmm} + 48]",
    "movups xmm4, [rdi + {xmm} + 64]",
    "movups xmm5, [rdi + {xmm} + 80]",
    "movups xmm6, [rdi + {xmm} + 96]",
    "movups xmm7, [rdi + {xmm} + 112]",
    "movups xmm8, [rdi + {xmm} + 128]",
    "movups xmm9, [rdi + {xmm} + 144]",
    "movups xmm10, [rdi + {xmm} + 160]",
    "movups xmm11, [rdi + {xmm} + 176]",
    "movups xmm12, [rdi + {xmm} + 192]",
    "movups xmm13, [rdi + {xmm} + 208]",
    "movups xmm14, [rdi + {xmm} + 224]",
    "movups xmm15, [rdi + {xmm} + 240]",
    "ret",
    ".globl vector_save",
    "vector_save:",
    "call vector_take",
    "mov eax, edx",
    "shr rdx, 32",
    "xsave64 [rsi]",
    "ret",
    ".globl vector_store",
    "vector_store:",
    "call vector_take",
    "mov eax, edx",
    "shr rdx, 32",
    "cmp ecx, 1",
    "jb 2f",
    "je 3f",
    "cmp ecx, 3",
    "jb 4f",
    "je 5f",
    "cmp ecx, 5",
    "jb 6f",
    "xsaveopt64 [rsi]",
    "ret",
    "2: xsave [rsi]",
    "ret",
    "3: xsave64 [rsi]",
    "ret",
    "4: xsavec [rsi]",
    "ret",
    "5: xsavec64 [rsi]",
    "ret",
    "6: xsaveopt [rsi]",
    "ret",
    ".globl vector_load",
    "vector_load:",
    "mov eax, edx",
    "shr rdx, 32",
    "xrstor64 [rsi]",
    "movups [rdi + {xmm} + 0], xmm0",
    "movups [rdi + {xmm} + 16], xmm1",
    "movups [rdi + {xmm} + 32], xmm2",
    "movups [rdi + {xmm} + 48], xmm3",
    "movups [rdi + {xmm} + 64], xmm4",
    "movups [rdi + {xmm} + 80], xmm5",
    "movups [rdi + {xmm} + 96], xmm6",
    "movups [rdi + {xmm} + 112], xmm7",
    "movups [rdi + {xmm} + 128], xmm8",
    "movups [rdi + {xmm} + 144], xmm9",
    "movups [rdi + {xmm} + 160], xmm10",
    "movups [rdi + {xmm} + 176], xmm11",
    "movups [rdi + {xmm} + 192], xmm12",
    "movups [rdi + {xmm} + 208], xmm13",
    "movups [rdi + {xmm} + 224], xmm14",
    "movups [rdi + {xmm} + 240], xmm15",
    "ret",
    xmm = const XMM,
);
