//! What the recorder is told of the process, in the form of [`reenact_trace::attaching`].

use libc::user_regs_struct;
use reenact_trace::attaching::Mapping;
use reenact_trace::Registers;

use super::image::PAGE;
use super::target::Mapped;

/// What the kernel leaves free below a stack (stack_guard_gap).
const STACK_GAP: u64 = 256 * PAGE;

/// A thread's registers.
pub fn registers(from: &user_regs_struct) -> Registers {
    Registers {
        rax: from.rax,
        rcx: from.rcx,
        rdx: from.rdx,
        rbx: from.rbx,
        rsp: from.rsp,
        rbp: from.rbp,
        rsi: from.rsi,
        rdi: from.rdi,
        r8: from.r8,
        r9: from.r9,
        r10: from.r10,
        r11: from.r11,
        r12: from.r12,
        r13: from.r13,
        r14: from.r14,
        r15: from.r15,
        rip: from.rip,
        rflags: from.eflags,
        fs_base: from.fs_base,
        gs_base: from.gs_base,
    }
}

fn path_length(mapped: &Mapped) -> u64 {
    if !mapped.is_anonymous() {
        mapped.name.len() as u64 + 1
    } else {
        0
    }
}

/// What the recorder is told of mappings, all but those that belong to the kernel: how many, and the bytes.
pub fn mappings(mappings: &[Mapped], heap_end: u64, stack: u64) -> (u64, Vec<u8>) {
    let is_kernels = |name: &[u8]| name.starts_with(b"[v");
    let (mut count, mut told, mut before) = (0, Vec::new(), 0);
    for one in mappings.iter().filter(|one| !is_kernels(&one.name)) {
        let lowest = std::mem::replace(&mut before, one.end);
        let sharing = if one.is_shared {
            libc::MAP_SHARED
        } else {
            libc::MAP_PRIVATE
        };
        let is_stack = one.name == b"[stack]";
        let growing = if is_stack { libc::MAP_GROWSDOWN } else { 0 };
        let length = path_length(one);
        let anonymous = if length == 0 { libc::MAP_ANONYMOUS } else { 0 };
        let is_heap = one.name == b"[heap]";
        let end = if is_heap {
            one.end.max(heap_end.next_multiple_of(PAGE))
        } else {
            one.end
        };
        // As long as it may become.
        let grown = one.end.saturating_sub(stack).max(lowest + STACK_GAP);
        let start = if is_stack {
            one.start.min(grown)
        } else {
            one.start
        };
        let mapping = Mapping {
            start,
            end,
            protection: one.protection,
            flags: (sharing | growing | anonymous) as u32,
            offset: if length == 0 { 0 } else { one.offset },
            device: one.device,
            inode: one.inode,
            advice: one.advice,
            path_length: length,
        };
        told.extend_from_slice(mapping.as_bytes());
        if length != 0 {
            told.extend_from_slice(&one.name);
            told.push(0);
        }
        told.resize(told.len().next_multiple_of(8), 0);
        count += 1;
    }
    (count, told)
}
