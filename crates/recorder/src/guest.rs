//! Access to the program's memory that survives bad pointers.
//!
//! The copies run in assembly between two labels; when one faults, the SIGSEGV/SIGBUS handler
//! finds the instruction pointer there and moves it to a label that returns failure.

use core::arch::global_asm;

use reenact_freestanding::numbers::PAGE;

extern "C" {
    fn guest_copy(to: u64, from: u64, length: u64) -> u64;
    static guest_copy_start: u8;
    static guest_copy_end: u8;
    static guest_copy_failed: u8;
}

global_asm!(
    ".globl guest_copy",
    "guest_copy:",
    "mov rcx, rdx",
    ".globl guest_copy_start",
    "guest_copy_start:",
    "cmp rcx, 32",
    "ja 2f",
    "3:",
    "cmp rcx, 8",
    "jb 4f",
    "mov rax, [rsi]",
    "mov [rdi], rax",
    "add rsi, 8",
    "add rdi, 8",
    "sub rcx, 8",
    "jmp 3b",
    "4:",
    "test rcx, rcx",
    "je guest_copy_end",
    "mov al, [rsi]",
    "mov [rdi], al",
    "inc rsi",
    "inc rdi",
    "dec rcx",
    "jmp 4b",
    "2:",
    "rep movsb",
    ".globl guest_copy_end",
    "guest_copy_end:",
    "mov eax, 1",
    "ret",
    ".globl guest_copy_failed",
    "guest_copy_failed:",
    "xor eax, eax",
    "ret",
);

/// If `ip` is inside a guarded copy, where to go on instead.
pub fn fixup(ip: u64) -> Option<u64> {
    let (start, end, failed) = (
        &raw const guest_copy_start as u64,
        &raw const guest_copy_end as u64,
        &raw const guest_copy_failed as u64,
    );
    (ip >= start && ip < end).then_some(failed)
}

/// The start of the page that an address lies in.
pub fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

/// The first address from here on where a page starts.
pub fn page_up(address: u64) -> u64 {
    page_down(address + PAGE - 1)
}

/// The program cannot name our own region in a pointer.
fn acceptable(address: u64, length: usize) -> bool {
    let end = address.wrapping_add(length as u64);
    end >= address
        && end <= 0x7fff_ffff_f000
        && (end <= reenact_trace::layout::REGION_START
            || address >= reenact_trace::layout::REGION_END)
}

/// Copy from the program. False when the memory is not readable.
pub fn read(address: u64, into: &mut [u8]) -> bool {
    acceptable(address, into.len())
        // SAFETY: the destination is ours; a fault at the source is caught.
        && unsafe { guest_copy(into.as_mut_ptr() as u64, address, into.len() as u64) } == 1
}

/// Copy to the program. False when the memory is not writable.
pub fn write(address: u64, from: &[u8]) -> bool {
    acceptable(address, from.len())
        // SAFETY: the source is ours; a fault at the destination is caught; the program's memory is bytes.
        && unsafe { guest_copy(address, from.as_ptr() as u64, from.len() as u64) } == 1
}

/// Read a plain value.
pub fn read_u64(address: u64) -> Option<u64> {
    let mut bytes = [0u8; 8];
    read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
}

/// Read a NUL-terminated string into `into` (which must have room for the NUL); its length
/// without the NUL. `None`: not readable or too long.
pub fn read_string(address: u64, into: &mut [u8]) -> Option<usize> {
    let mut length = 0;
    while length < into.len() {
        // Never across a page boundary at once: the next page may not be mapped.
        let here = address.wrapping_add(length as u64);
        let step = (4096 - (here & 4095) as usize)
            .min(into.len() - length)
            .min(256);
        if !read(here, &mut into[length..length + step]) {
            return None;
        }
        if let Some(end) = into[length..length + step]
            .iter()
            .position(|&byte| byte == 0)
        {
            return Some(length + end);
        }
        length += step;
    }
    None
}

/// [`reenact_syscalls::Memory`] over the program's memory.
pub struct GuestMemory;

impl reenact_syscalls::Memory for GuestMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        read(address, into)
    }
}
