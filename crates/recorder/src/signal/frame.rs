//! The signal frame on the program's stack, as the kernel builds it
//! (arch/x86/kernel/signal_64.c: x64_setup_rt_frame), and the vector state in it.

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::cpuid;
use crate::frame::Frame;

/// First field of the software bytes of the XSAVE area.
pub const MAGIC1: u32 = 0x4650_5853;
/// Follows the XSAVE area.
pub const MAGIC2: u32 = 0x4650_5845;
/// Offset of the software bytes in the legacy area.
pub const SOFTWARE_BYTES: u64 = 464;
/// Offset of the header's first word: which components are in use (XSTATE_BV).
pub const XSTATE_IN_USE: u64 = 512;
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

/// The state components that signal frames of the program have, and the size of their XSAVE
/// area in bytes.
pub fn extended_state() -> (u64, u64) {
    if XSAVE_SIZE.load(Ordering::Relaxed) == 0 {
        let (low, high): (u32, u32);
        // SAFETY: every 64-bit system with leaf 13 in use has XGETBV.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
        }
        let enabled = u64::from(high) << 32 | u64::from(low);
        let features = enabled & !(ON_REQUEST & !REQUESTED.load(Ordering::Relaxed));
        // CPUID leaf 13: EAX and EBX of a feature's subleaf are its size and offset, EBX of
        // subleaf 0 is the size of all that are enabled. It is asked only when a first signal is
        // delivered: on a virtual machine it costs an exit.
        let size = if features == enabled {
            cpuid::ask(13, 0).ebx
        } else {
            (2..64)
                .filter(|feature| features >> feature & 1 != 0)
                .map(|feature| cpuid::ask(13, feature))
                .map(|leaf| leaf.ebx + leaf.eax)
                .fold(XSAVE_HEADER_END, u32::max)
        };
        FEATURES.store(features, Ordering::Relaxed);
        XSAVE_SIZE.store(u64::from(size), Ordering::Relaxed);
    }
    (
        FEATURES.load(Ordering::Relaxed),
        XSAVE_SIZE.load(Ordering::Relaxed),
    )
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
pub fn save(frame: &Frame, to: &mut ExtendedState) {
    let (features, _) = extended_state();
    // SAFETY: `to` is 64-byte aligned and large enough; header must start as zero.
    unsafe {
        core::ptr::write_bytes(to.0.as_mut_ptr().add(512), 0, 64);
        vector_save(frame, to.0.as_mut_ptr(), features);
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

/// Load the program's vector and x87 state from an XSAVE area; the xmm registers go to the frame.
/// False when the area is not valid (XRSTOR would fault).
pub fn load(frame: &mut Frame, from: &ExtendedState, features: u64) -> bool {
    let header = |index: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&from.0[512 + index * 8..520 + index * 8]);
        u64::from_le_bytes(word)
    };
    let (enabled, _) = extended_state();
    let mut mxcsr = [0u8; 4];
    mxcsr.copy_from_slice(&from.0[24..28]);
    if header(0) & !enabled != 0
        || (1..8).any(|index| header(index) != 0)
        || u32::from_le_bytes(mxcsr) & !0xffff != 0
    {
        return false;
    }
    // SAFETY: the header was checked, so XRSTOR does not fault.
    unsafe {
        vector_load(frame, from.0.as_ptr(), features);
    }
    true
}

/// The state a signal handler starts with (the kernel's fpu__clear_user_states).
pub fn reset(frame: &mut Frame) {
    let mut area = ExtendedState([0; XSAVE_MAX]);
    area.0[0..8].copy_from_slice(&INITIAL_CONTROL_WORD.to_le_bytes());
    area.0[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
    let (features, _) = extended_state();
    load(frame, &area, features);
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
    "movups xmm0, [rdi + 192]",
    "movups xmm1, [rdi + 208]",
    "movups xmm2, [rdi + 224]",
    "movups xmm3, [rdi + 240]",
    "movups xmm4, [rdi + 256]",
    "movups xmm5, [rdi + 272]",
    "movups xmm6, [rdi + 288]",
    "movups xmm7, [rdi + 304]",
    "movups xmm8, [rdi + 320]",
    "movups xmm9, [rdi + 336]",
    "movups xmm10, [rdi + 352]",
    "movups xmm11, [rdi + 368]",
    "movups xmm12, [rdi + 384]",
    "movups xmm13, [rdi + 400]",
    "movups xmm14, [rdi + 416]",
    "movups xmm15, [rdi + 432]",
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
    "movups [rdi + 192], xmm0",
    "movups [rdi + 208], xmm1",
    "movups [rdi + 224], xmm2",
    "movups [rdi + 240], xmm3",
    "movups [rdi + 256], xmm4",
    "movups [rdi + 272], xmm5",
    "movups [rdi + 288], xmm6",
    "movups [rdi + 304], xmm7",
    "movups [rdi + 320], xmm8",
    "movups [rdi + 336], xmm9",
    "movups [rdi + 352], xmm10",
    "movups [rdi + 368], xmm11",
    "movups [rdi + 384], xmm12",
    "movups [rdi + 400], xmm13",
    "movups [rdi + 416], xmm14",
    "movups [rdi + 432], xmm15",
    "ret",
);
const _: () = assert!(crate::frame::XMM == 192);
