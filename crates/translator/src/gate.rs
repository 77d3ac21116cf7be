//! The way between Rust and translated code.

use crate::context::{field, Context};
use core::arch::{asm, global_asm};
use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering};
use reenact_trace::Registers;

global_asm!(
    ".text",
    ".balign 64",
    // fn(context: rdi, code: rsi)
    ".globl reenact_translator_enter",
    "reenact_translator_enter:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rdi + {host_rsp}], rsp",
    "mov [rdi + {entry}], rsi",
    "cmp dword ptr [rdi + {mode}], 0",
    "jne 5f",
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
    "ldmxcsr [rdi + {mxcsr}]",
    "4:",
    // Flags: sahf and an addition are several times faster than popfq, which is
    // needed only for DF and the rarer bits.
    "mov rax, [rdi + {rflags}]",
    "test eax, 0x245500",
    "jnz 6f",
    "mov ecx, eax",
    "shr ecx, 11",
    "and ecx, 1",
    "mov ah, al",
    "add cl, 127",
    "sahf",
    "7:",
    "mov rax, [rdi + {rax}]",
    "mov rcx, [rdi + {rcx}]",
    "mov rdx, [rdi + {rdx}]",
    "mov rbx, [rdi + {rbx}]",
    "mov rsp, [rdi + {rsp}]",
    "mov rbp, [rdi + {rbp}]",
    "mov rsi, [rdi + {rsi}]",
    "mov r8, [rdi + {r8}]",
    "mov r9, [rdi + {r9}]",
    "mov r10, [rdi + {r10}]",
    "mov r11, [rdi + {r11}]",
    "mov r12, [rdi + {r12}]",
    "mov r13, [rdi + {r13}]",
    "mov r14, [rdi + {r14}]",
    "mov r15, [rdi + {r15}]",
    "mov rdi, [rdi + {rdi}]",
    "jmp gs:[{entry}]",
    "5:",
    "mov eax, -1",
    "mov edx, -1",
    "xrstor64 [rdi + {xsave}]",
    "rdfsbase rax",
    "mov [rdi + {host_fs}], rax",
    "mov rax, [rdi + {fs_base}]",
    "wrfsbase rax",
    "jmp 4b",
    "6:",
    "push rax",
    "popfq",
    "jmp 7b",
    // The way out.
    ".balign 64",
    ".globl reenact_translator_exit",
    "reenact_translator_exit:",
    "mov gs:[{rdi}], rdi",
    // The context's own address: code reaches it through gs or relative to rip only.
    "mov gs:[{rsp}], rsp",
    "mov rsp, gs:[{host_rsp}]",
    "mov gs:[{rax}], rax",
    "pushfq",
    "pop rdi",
    "mov gs:[{rflags}], rdi",
    "mov gs:[{rcx}], rcx",
    "mov gs:[{rdx}], rdx",
    "mov gs:[{rbx}], rbx",
    "mov gs:[{rbp}], rbp",
    "mov gs:[{rsi}], rsi",
    "mov gs:[{r8}], r8",
    "mov gs:[{r9}], r9",
    "mov gs:[{r10}], r10",
    "mov gs:[{r11}], r11",
    "mov gs:[{r12}], r12",
    "mov gs:[{r13}], r13",
    "mov gs:[{r14}], r14",
    "mov gs:[{r15}], r15",
    "test edi, 0x245500",
    "jz 8f",
    "push 0x202",
    "popfq",
    "8:",
    ".globl reenact_translator_fault",
    "reenact_translator_fault:",
    "mov rsp, gs:[{host_rsp}]",
    "cmp dword ptr gs:[{mode}], 0",
    "jne 9f",
    "movups gs:[{xmm} + 0], xmm0",
    "movups gs:[{xmm} + 16], xmm1",
    "movups gs:[{xmm} + 32], xmm2",
    "movups gs:[{xmm} + 48], xmm3",
    "movups gs:[{xmm} + 64], xmm4",
    "movups gs:[{xmm} + 80], xmm5",
    "movups gs:[{xmm} + 96], xmm6",
    "movups gs:[{xmm} + 112], xmm7",
    "movups gs:[{xmm} + 128], xmm8",
    "movups gs:[{xmm} + 144], xmm9",
    "movups gs:[{xmm} + 160], xmm10",
    "movups gs:[{xmm} + 176], xmm11",
    "movups gs:[{xmm} + 192], xmm12",
    "movups gs:[{xmm} + 208], xmm13",
    "movups gs:[{xmm} + 224], xmm14",
    "movups gs:[{xmm} + 240], xmm15",
    "stmxcsr gs:[{mxcsr}]",
    "30:",
    "ldmxcsr gs:[{default_mxcsr}]",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
    "9:",
    "mov eax, -1",
    "mov edx, -1",
    "xsave64 gs:[{xsave}]",
    "rdfsbase rax",
    "mov gs:[{fs_base}], rax",
    "mov rax, gs:[{host_fs}]",
    "wrfsbase rax",
    "fninit",
    "jmp 30b",
    host_rsp = const field!(host_rsp),
    entry = const field!(entry),
    mode = const field!(vector_mode),
    xmm = const field!(xmm),
    mxcsr = const field!(mxcsr),
    default_mxcsr = const field!(default_mxcsr),
    xsave = const field!(xsave),
    host_fs = const field!(host_fs),
    fs_base = const offset_of!(Registers, fs_base),
    rflags = const offset_of!(Registers, rflags),
    rax = const offset_of!(Registers, rax),
    rcx = const offset_of!(Registers, rcx),
    rdx = const offset_of!(Registers, rdx),
    rbx = const offset_of!(Registers, rbx),
    rsp = const offset_of!(Registers, rsp),
    rbp = const offset_of!(Registers, rbp),
    rsi = const offset_of!(Registers, rsi),
    rdi = const offset_of!(Registers, rdi),
    r8 = const offset_of!(Registers, r8),
    r9 = const offset_of!(Registers, r9),
    r10 = const offset_of!(Registers, r10),
    r11 = const offset_of!(Registers, r11),
    r12 = const offset_of!(Registers, r12),
    r13 = const offset_of!(Registers, r13),
    r14 = const offset_of!(Registers, r14),
    r15 = const offset_of!(Registers, r15),
);

unsafe extern "C" {
    fn reenact_translator_enter(context: *mut Context, code: u64);
    static reenact_translator_exit: u8;
    static reenact_translator_fault: u8;
}

/// Run translated code at host address `code` until it exits.
///
/// # Safety
/// `code` is the start of translated code of this context's cache; the gs base is `context`.
pub(crate) unsafe fn enter(context: *mut Context, code: u64) {
    // SAFETY: by contract. All registers the C ABI lets a callee change are treated as changed.
    unsafe { reenact_translator_enter(context, code) }
}

/// Where translated code jumps to leave.
pub(crate) fn exit_gate_address() -> u64 {
    &raw const reenact_translator_exit as u64
}

/// Where to resume after a fault whose registers are already in the context.
pub(crate) fn fault_gate_address() -> u64 {
    &raw const reenact_translator_fault as u64
}

/// Set the gs base of this thread.
///
/// # Safety
/// Nobody else uses gs.
pub(crate) unsafe fn set_gs_base(base: u64) {
    // SAFETY: arch_prctl(ARCH_SET_GS, base).
    unsafe {
        asm!("syscall", inlateout("rax") 158u64 => _, in("rdi") 0x1001u64, in("rsi") base,
             lateout("rcx") _, lateout("r11") _, options(nostack));
    }
}

/// Bytes XSAVE needs in the standard format for the components that are enabled. Asked once: CPUID takes 13 µs in a virtual
/// machine.
pub(crate) fn xsave_size() -> usize {
    static KNOWN: AtomicUsize = AtomicUsize::new(0);
    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let leaf = core::arch::x86_64::__cpuid_count(0xd, 0);
    let size = (leaf.ebx as usize).max(1024);
    KNOWN.store(size, Ordering::Relaxed);
    size
}

/// Put the guest's vector state together in `area` (SSE mode: upper halves are in the processor).
///
/// # Safety
/// `area` is a 64-byte aligned, zeroed area of sufficient size; the context is in SSE mode.
pub(crate) unsafe fn collect_vectors(context: *mut Context, area: *mut u8) {
    // SAFETY: by contract. Legacy SSE loads leave upper halves alone.
    unsafe {
        asm!(
            "movups xmm0, [{x} + 0]", "movups xmm1, [{x} + 16]", "movups xmm2, [{x} + 32]",
            "movups xmm3, [{x} + 48]", "movups xmm4, [{x} + 64]", "movups xmm5, [{x} + 80]",
            "movups xmm6, [{x} + 96]", "movups xmm7, [{x} + 112]", "movups xmm8, [{x} + 128]",
            "movups xmm9, [{x} + 144]", "movups xmm10, [{x} + 160]", "movups xmm11, [{x} + 176]",
            "movups xmm12, [{x} + 192]", "movups xmm13, [{x} + 208]", "movups xmm14, [{x} + 224]",
            "movups xmm15, [{x} + 240]",
            "ldmxcsr [{mxcsr}]",
            "xsave64 [{area}]",
            "ldmxcsr [{default}]",
            x = in(reg) &raw mut (*context).xmm,
            mxcsr = in(reg) &raw mut (*context).mxcsr,
            default = in(reg) &raw mut (*context).default_mxcsr,
            area = in(reg) area,
            in("eax") -1i32, in("edx") -1i32,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack)
        );
    }
}

/// Load the guest's vector state from `area` (SSE mode).
///
/// # Safety
/// `area` is a valid, 64-byte aligned XSAVE image; the context is in SSE mode.
pub(crate) unsafe fn distribute_vectors(context: *mut Context, area: *const u8) {
    // SAFETY: by contract.
    unsafe {
        asm!(
            "xrstor64 [{area}]",
            "movups [{x} + 0], xmm0", "movups [{x} + 16], xmm1", "movups [{x} + 32], xmm2",
            "movups [{x} + 48], xmm3", "movups [{x} + 64], xmm4", "movups [{x} + 80], xmm5",
            "movups [{x} + 96], xmm6", "movups [{x} + 112], xmm7", "movups [{x} + 128], xmm8",
            "movups [{x} + 144], xmm9", "movups [{x} + 160], xmm10", "movups [{x} + 176], xmm11",
            "movups [{x} + 192], xmm12", "movups [{x} + 208], xmm13", "movups [{x} + 224], xmm14",
            "movups [{x} + 240], xmm15",
            "stmxcsr [{mxcsr}]",
            "ldmxcsr [{default}]",
            x = in(reg) &raw mut (*context).xmm,
            mxcsr = in(reg) &raw mut (*context).mxcsr,
            default = in(reg) &raw mut (*context).default_mxcsr,
            area = in(reg) area,
            in("eax") -1i32, in("edx") -1i32,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack)
        );
    }
}
