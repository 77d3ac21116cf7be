//! How the program comes in and goes on again. All of it in assembly, because at these moments the
//! registers and the stack belong to the program.

use core::arch::global_asm;

use reenact_freestanding::numbers;

use crate::frame::{
    Frame, Origin, Way, AFTER_CALL, ALIGNMENT_CHECK, CURRENT, ORIGIN, RESUME_AT, RESUME_FLAG,
    STACK_TOP, VDSO, WAY, XMM,
};

extern "C" {
    /// Entry of patched call sites: rcx = address after the `syscall`, r11 = where the code of that address is.
    pub(crate) fn syscall_entry();
    /// Entries of the functions of the patched vDSO.
    pub(crate) fn vdso_clock_gettime();
    pub(crate) fn vdso_gettimeofday();
    pub(crate) fn vdso_time();
    pub(crate) fn vdso_clock_getres();
    pub(crate) fn vdso_getcpu();
    /// Entry after a signal handler redirected here: the frame is already filled, but for xmm.
    pub(crate) fn redirected_entry();
    /// Let the program go on as the frame says, which is prepared.
    pub fn resume(frame: *mut Frame) -> !;
    /// Behind the last instruction of that.
    static resume_end: u8;
    /// Give the calling thread the vector registers of a frame, and stop at a breakpoint with the frame's address in `rax`.
    pub fn show_vectors(frame: *const Frame) -> !;
    /// Call `function(argument)` on the stack that ends at `stack_top`; does not return.
    pub fn switch_stack(stack_top: u64, function: extern "C" fn(u64) -> !, argument: u64) -> !;
    /// The restorer of our own signal handlers.
    pub fn restore_rt();
}

/// The way to who links the crate. The processor expects returns to where calls were made: where nobody returns, a call would
/// spoil what it expects of all returns that follow.
#[cfg(not(feature = "one-way"))]
macro_rules! go_to_on_entry {
    () => {
        "call on_entry"
    };
}
#[cfg(feature = "one-way")]
macro_rules! go_to_on_entry {
    () => {
        "jmp on_entry"
    };
}

/// All registers of the frame at `rdi` but `rsp` and `rdi` itself.
macro_rules! load_registers {
    () => {
        concat!(
            "mov rax, [rdi]\n",
            "mov rcx, [rdi + 8]\n",
            "mov rdx, [rdi + 16]\n",
            "mov rbx, [rdi + 24]\n",
            "mov rbp, [rdi + 40]\n",
            "mov rsi, [rdi + 48]\n",
            "mov r8, [rdi + 64]\n",
            "mov r9, [rdi + 72]\n",
            "mov r10, [rdi + 80]\n",
            "mov r11, [rdi + 88]\n",
            "mov r12, [rdi + 96]\n",
            "mov r13, [rdi + 104]\n",
            "mov r14, [rdi + 112]\n",
            "mov r15, [rdi + 120]\n",
        )
    };
}

global_asm!(
    // ---- patched call sites ----
    ".globl syscall_entry",
    "syscall_entry:",
    "mov [rip + {saved_rsp}], rsp",
    "mov rsp, [rip + {current}]",
    "lea rsp, [rsp + 144]",           // just past rflags
    "pushfq",
    "push rcx",                       // rip: after the syscall instruction
    "push r15", "push r14", "push r13", "push r12",
    "push r11",
    "push r10", "push r9", "push r8",
    "push rdi", "push rsi", "push rbp",
    "push [rip + {saved_rsp}]",
    "push rbx", "push rdx",
    "push rcx",
    "push rax",
    "mov rdi, rsp",
    "mov [rdi + {after_call}], rcx",
    "mov [rdi + {resume_at}], r11",
    "mov qword ptr [rdi + {origin}], {patched}",
    "jmp 3f",

    // ---- vDSO functions: one entry for each, which disturbs no register. The linker gives them an address: the copy
    // of the vDSO that has it is in the log ----
    ".pushsection .vdso_entries, \"ax\", @progbits",
    ".balign 16",
    ".globl vdso_clock_gettime", "vdso_clock_gettime:",
    "mov qword ptr [rip + {vdso_number}], 228", "jmp vdso_entry",
    ".balign 16",
    ".globl vdso_gettimeofday", "vdso_gettimeofday:",
    "mov qword ptr [rip + {vdso_number}], 96", "jmp vdso_entry",
    ".balign 16",
    ".globl vdso_time", "vdso_time:",
    "mov qword ptr [rip + {vdso_number}], 201", "jmp vdso_entry",
    ".balign 16",
    ".globl vdso_clock_getres", "vdso_clock_getres:",
    "mov qword ptr [rip + {vdso_number}], 229", "jmp vdso_entry",
    ".balign 16",
    ".globl vdso_getcpu", "vdso_getcpu:",
    "mov qword ptr [rip + {vdso_number}], 309", "jmp vdso_entry",
    ".popsection",

    "vdso_entry:",
    "mov [rip + {saved_rsp}], rsp",
    "mov rsp, [rip + {current}]",
    "lea rsp, [rsp + 144]",
    "pushfq",
    "push 0",                         // rip: the function knows it
    "push r15", "push r14", "push r13", "push r12",
    "push r11",
    "push r10", "push r9", "push r8",
    "push rdi", "push rsi", "push rbp",
    "push [rip + {saved_rsp}]",
    "push rbx", "push rdx", "push rcx", "push rax",
    "mov rdi, rsp",
    "mov rax, [rip + {vdso_number}]",
    "mov [rdi + {vdso}], rax",
    "mov qword ptr [rdi + {origin}], {from_vdso}",
    "jmp 3f",

    // ---- after a signal handler: registers are in the frame, xmm in the machine ----
    ".globl redirected_entry",
    "redirected_entry:",
    "mov rdi, [rip + {current}]",

    "3:",
    "movups [rdi + {xmm} + 0x00], xmm0",  "movups [rdi + {xmm} + 0x10], xmm1",
    "movups [rdi + {xmm} + 0x20], xmm2",  "movups [rdi + {xmm} + 0x30], xmm3",
    "movups [rdi + {xmm} + 0x40], xmm4",  "movups [rdi + {xmm} + 0x50], xmm5",
    "movups [rdi + {xmm} + 0x60], xmm6",  "movups [rdi + {xmm} + 0x70], xmm7",
    "movups [rdi + {xmm} + 0x80], xmm8",  "movups [rdi + {xmm} + 0x90], xmm9",
    "movups [rdi + {xmm} + 0xa0], xmm10", "movups [rdi + {xmm} + 0xb0], xmm11",
    "movups [rdi + {xmm} + 0xc0], xmm12", "movups [rdi + {xmm} + 0xd0], xmm13",
    "movups [rdi + {xmm} + 0xe0], xmm14", "movups [rdi + {xmm} + 0xf0], xmm15",
    "cld",
    "mov rsp, [rdi + {stack_top}]",
    // The program's alignment check is in force here, and our accesses need not be aligned.
    "test dword ptr [rdi + 136], {alignment_check}",
    "jz 6f",
    "push 0x202",
    "popfq",
    "6:",
    go_to_on_entry!(),
    "mov rdi, [rip + {current}]",

    // ---- back to the program ----
    ".globl resume",
    "resume:",
    "mov rsp, [rdi + {stack_top}]",
    "movups xmm0, [rdi + {xmm} + 0x00]",  "movups xmm1, [rdi + {xmm} + 0x10]",
    "movups xmm2, [rdi + {xmm} + 0x20]",  "movups xmm3, [rdi + {xmm} + 0x30]",
    "movups xmm4, [rdi + {xmm} + 0x40]",  "movups xmm5, [rdi + {xmm} + 0x50]",
    "movups xmm6, [rdi + {xmm} + 0x60]",  "movups xmm7, [rdi + {xmm} + 0x70]",
    "movups xmm8, [rdi + {xmm} + 0x80]",  "movups xmm9, [rdi + {xmm} + 0x90]",
    "movups xmm10, [rdi + {xmm} + 0xa0]", "movups xmm11, [rdi + {xmm} + 0xb0]",
    "movups xmm12, [rdi + {xmm} + 0xc0]", "movups xmm13, [rdi + {xmm} + 0xd0]",
    "movups xmm14, [rdi + {xmm} + 0xe0]", "movups xmm15, [rdi + {xmm} + 0xf0]",
    "cmp qword ptr [rdi + {way}], {by_jump}",
    "jne 4f",
    "mov rax, [rdi + {resume_at}]",
    "mov [rip + {saved_rip}], rax",
    "push [rdi + 136]",
    "popfq",
    load_registers!(),
    "mov rsp, [rdi + 32]",
    "mov rdi, [rdi + 56]",
    "jmp [rip + {saved_rip}]",
    "4:",
    "cmp qword ptr [rdi + {way}], {by_return}",
    "je 5f",
    // By `iretq`, with the resume flag or without it: ss, rsp, flags, cs, rip.
    "push 0x2b",
    "push [rdi + 32]",
    "mov rax, [rdi + 136]",
    "cmp qword ptr [rdi + {way}], {by_step}",
    "je 7f",
    "or rax, {resume_flag}",
    "7:",
    "push rax",
    "push 0x33",
    "push [rdi + {resume_at}]",
    load_registers!(),
    "mov rdi, [rdi + 56]",
    "iretq",
    // By `ret`, with the return address that is still there.
    "5:",
    "push [rdi + 136]",
    "popfq",
    load_registers!(),
    "mov rsp, [rdi + 32]",
    "lea rsp, [rsp - 8]",
    "mov rdi, [rdi + 56]",
    "ret",
    ".globl resume_end",
    "resume_end:",

    ".globl show_vectors",
    "show_vectors:",
    "mov rax, rdi",
    "movups xmm0, [rdi + {xmm} + 0x00]",  "movups xmm1, [rdi + {xmm} + 0x10]",
    "movups xmm2, [rdi + {xmm} + 0x20]",  "movups xmm3, [rdi + {xmm} + 0x30]",
    "movups xmm4, [rdi + {xmm} + 0x40]",  "movups xmm5, [rdi + {xmm} + 0x50]",
    "movups xmm6, [rdi + {xmm} + 0x60]",  "movups xmm7, [rdi + {xmm} + 0x70]",
    "movups xmm8, [rdi + {xmm} + 0x80]",  "movups xmm9, [rdi + {xmm} + 0x90]",
    "movups xmm10, [rdi + {xmm} + 0xa0]", "movups xmm11, [rdi + {xmm} + 0xb0]",
    "movups xmm12, [rdi + {xmm} + 0xc0]", "movups xmm13, [rdi + {xmm} + 0xd0]",
    "movups xmm14, [rdi + {xmm} + 0xe0]", "movups xmm15, [rdi + {xmm} + 0xf0]",
    "int3",
    "ud2",

    ".globl switch_stack",
    "switch_stack:",
    "mov rsp, rdi",
    "mov rdi, rdx",
    "call rsi",
    "ud2",

    ".globl restore_rt",
    "restore_rt:",
    "mov eax, 15",
    "syscall",
    "ud2",

    current = sym CURRENT,
    saved_rsp = sym SAVED_RSP,
    saved_rip = sym SAVED_RIP,
    stack_top = const STACK_TOP,
    resume_at = const RESUME_AT,
    after_call = const AFTER_CALL,
    origin = const ORIGIN,
    vdso = const VDSO,
    vdso_number = sym VDSO_NUMBER,
    xmm = const XMM,
    way = const WAY,
    by_jump = const Way::Jump as u64,
    by_return = const Way::Return as u64,
    by_step = const Way::Step as u64,
    alignment_check = const ALIGNMENT_CHECK,
    resume_flag = const RESUME_FLAG,
    patched = const Origin::Patched as u64,
    from_vdso = const Origin::Vdso as u64,
);

// Only the token's holder is between entry and exit, so one of each is enough.
static mut SAVED_RSP: u64 = 0;
static mut SAVED_RIP: u64 = 0;
static mut VDSO_NUMBER: u64 = 0;

/// The system call that a function of the vDSO stands for, if `address` is our entry from it.
pub fn vdso_function(address: u64) -> Option<u64> {
    let entries: [(unsafe extern "C" fn(), u64); 5] = [
        (vdso_clock_gettime, numbers::CLOCK_GETTIME),
        (vdso_gettimeofday, numbers::GETTIMEOFDAY),
        (vdso_time, numbers::TIME),
        (vdso_clock_getres, numbers::CLOCK_GETRES),
        (vdso_getcpu, numbers::GETCPU),
    ];
    let is_at =
        |&&(entry, _): &&(unsafe extern "C" fn(), u64)| entry as *const () as u64 == address;
    entries.iter().find(is_at).map(|&(_, number)| number)
}

/// Let the program go on as the frame says.
///
/// # Safety
/// The frame is that of the current thread and holds a state of the program.
pub unsafe fn go_on(frame: &mut Frame) -> ! {
    frame.prepare();
    // SAFETY: by contract.
    unsafe { resume(frame) }
}

/// The way by which all threads go back to the program: where it begins, with the frame's address in `rdi`, and ends.
pub fn exit() -> [u64; 2] {
    [resume as *const () as u64, &raw const resume_end as u64]
}

/// The first half of [`go_on`], for who comes to [`resume`] by a jump.
pub extern "C" fn prepare(frame: &mut Frame) {
    frame.prepare();
}

/// The end of `on_entry`: let the program go on as the frame says. Comes back only when `on_entry` is to
/// return.
///
/// Behind a system call of the program it never returns: the kernel leaves the processor with no
/// return addresses that it could predict, and each `ret` costs some 20 ns. Behind a function of the
/// vDSO, which does not come to the kernel, it is the other way round.
///
/// # Safety
/// As for [`go_on`].
#[inline(always)]
pub unsafe fn leave(frame: &mut Frame) {
    frame.prepare();
    if frame.origin != Origin::Vdso as u64 {
        // SAFETY: by contract.
        unsafe { resume(frame) }
    }
}
