//! How control arrives in the recorder and leaves it again. All of it in assembly, because at
//! these moments the registers and the stack belong to the program.

use core::arch::global_asm;
use core::mem::offset_of;

use crate::frame::{Frame, Origin, MARKED, ORIGIN, RESUME_AT, RESUME_FLAG, VDSO, XMM};
use crate::thread::Thread;

extern "C" {
    /// Entry of patched call sites: rcx = address after the `syscall`, r11 = trampoline tail.
    pub fn syscall_entry();
    /// Entries of the functions of the patched vDSO.
    pub fn vdso_clock_gettime();
    pub fn vdso_gettimeofday();
    pub fn vdso_time();
    pub fn vdso_clock_getres();
    pub fn vdso_getcpu();
    /// Entry after a signal handler redirected here: the frame is already filled, but for xmm.
    pub fn redirected_entry();
    /// Load all registers from the frame and go on at `resume_at`.
    pub fn resume(frame: *mut Frame) -> !;
    /// Call `function(argument)` on the stack that ends at `stack_top`; does not return.
    pub fn switch_stack(stack_top: u64, function: extern "C" fn(u64) -> !, argument: u64) -> !;
    /// A system call that is not begun when a signal waits. See `interruptible`.
    fn interruptible_call(arguments: *const u64, queued: *const u32) -> i64;
    static interruptible_start: u8;
    static interruptible_end: u8;
    static interruptible_aborted: u8;
    /// The restorer of the recorder's own handlers.
    pub fn restore_rt();
}

/// Result of [`interruptible`] when the call was not begun because a signal waits.
pub const NOT_BEGUN: i64 = -512;

// Frame is the first field of Thread, so CURRENT is the frame's address.
const _: () = assert!(offset_of!(Thread, frame) == 0);

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
    "mov [rdi + {resume_at}], r11",
    "mov qword ptr [rdi + {origin}], {patched}",
    "jmp 3f",

    // ---- vDSO functions: one entry for each, which disturbs no register ----
    ".globl vdso_clock_gettime", "vdso_clock_gettime:",
    "mov qword ptr [rip + {vdso_number}], 228", "jmp 2f",
    ".globl vdso_gettimeofday", "vdso_gettimeofday:",
    "mov qword ptr [rip + {vdso_number}], 96", "jmp 2f",
    ".globl vdso_time", "vdso_time:",
    "mov qword ptr [rip + {vdso_number}], 201", "jmp 2f",
    ".globl vdso_clock_getres", "vdso_clock_getres:",
    "mov qword ptr [rip + {vdso_number}], 229", "jmp 2f",
    ".globl vdso_getcpu", "vdso_getcpu:",
    "mov qword ptr [rip + {vdso_number}], 309", "jmp 2f",
    "2:",
    "mov [rip + {saved_rsp}], rsp",
    "mov rsp, [rip + {current}]",
    "lea rsp, [rsp + 144]",
    "pushfq",
    "push 0",                         // rip: filled in by `vdso`
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
    "call on_entry",
    // A handler may have switched threads (vfork): the frame to resume is the current one.
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
    "cmp qword ptr [rdi + {marked}], 0",
    "jne 4f",
    "mov rax, [rdi + {resume_at}]",
    "mov [rip + {saved_rip}], rax",
    "push [rdi + 136]",
    "popfq",
    load_registers!(),
    "mov rsp, [rdi + 32]",
    "mov rdi, [rdi + 56]",
    "jmp [rip + {saved_rip}]",
    // The same by `iretq`, with the resume flag: ss, rsp, flags, cs, rip.
    "4:",
    "push 0x2b",
    "push [rdi + 32]",
    "mov rax, [rdi + 136]",
    "or rax, {resume_flag}",
    "push rax",
    "push 0x33",
    "push [rdi + {resume_at}]",
    load_registers!(),
    "mov rdi, [rdi + 56]",
    "iretq",

    ".globl switch_stack",
    "switch_stack:",
    "mov rsp, rdi",
    "mov rdi, rdx",
    "call rsi",
    "ud2",

    // ---- a system call that a signal can keep from beginning ----
    // rdi: seven words (number and six arguments); rsi: count of queued signals.
    // A signal that arrives between the look at the count and the `syscall` instruction would
    // be slept through; so the signal handler moves an instruction pointer inside
    // [interruptible_start, interruptible_end) to interruptible_aborted.
    ".globl interruptible_call",
    "interruptible_call:",
    "push rbx",
    "mov rbx, rsi",
    "mov r11, rdi",
    "mov rax, [r11]",
    "mov rdi, [r11 + 8]",
    "mov rsi, [r11 + 16]",
    "mov rdx, [r11 + 24]",
    "mov r10, [r11 + 32]",
    "mov r8, [r11 + 40]",
    "mov r9, [r11 + 48]",
    ".globl interruptible_start",
    "interruptible_start:",
    "cmp dword ptr [rbx], 0",
    "jne interruptible_aborted",
    "syscall",
    ".globl interruptible_end",
    "interruptible_end:",
    "pop rbx",
    "ret",
    ".globl interruptible_aborted",
    "interruptible_aborted:",
    "mov rax, {not_begun}",
    "pop rbx",
    "ret",

    ".globl restore_rt",
    "restore_rt:",
    "mov eax, 15",
    "syscall",
    "ud2",

    current = sym crate::thread::CURRENT,
    saved_rsp = sym SAVED_RSP,
    saved_rip = sym SAVED_RIP,
    stack_top = const offset_of!(Thread, stack_top),
    resume_at = const RESUME_AT,
    origin = const ORIGIN,
    vdso = const VDSO,
    vdso_number = sym VDSO_NUMBER,
    xmm = const XMM,
    marked = const MARKED,
    resume_flag = const RESUME_FLAG,
    patched = const Origin::Patched as u64,
    from_vdso = const Origin::Vdso as u64,
    not_begun = const NOT_BEGUN,
);

// Only the token's holder is between entry and exit, so one of each is enough.
static mut SAVED_RSP: u64 = 0;
static mut SAVED_RIP: u64 = 0;
static mut VDSO_NUMBER: u64 = 0;

/// Perform system call `number` unless a signal waits for the current thread.
///
/// # Safety
/// As for the system call itself.
pub unsafe fn interruptible(number: u64, args: &[u64; 6], queued: *const u32) -> i64 {
    let words = [number, args[0], args[1], args[2], args[3], args[4], args[5]];
    // SAFETY: passed on; `words` outlives the call.
    unsafe { interruptible_call(words.as_ptr(), queued) }
}

/// If `ip` is where a system call is about to begin, the address that abandons it.
pub fn abandon_address(ip: u64) -> Option<u64> {
    let (start, end, aborted) = (
        &raw const interruptible_start as u64,
        &raw const interruptible_end as u64,
        &raw const interruptible_aborted as u64,
    );
    (ip >= start && ip < end).then_some(aborted)
}
