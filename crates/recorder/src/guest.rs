//! Access to the program's memory that survives bad pointers.

use reenact_freestanding::numbers::{ENOMEM, MSYNC, PAGE};
use reenact_freestanding::syscall::syscall3;
use reenact_interpose::guarded_copy;

/// One past the last address of a program (TASK_SIZE of x86-64): nobody can map anything there.
pub const ADDRESS_END: u64 = (1 << 47) - PAGE;

/// The start of the page that an address lies in.
pub fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

/// The first address from here on where a page starts; behind the last page that is 0, as the kernel has it (`PAGE_ALIGN`).
pub fn page_up(address: u64) -> u64 {
    page_down(address.wrapping_add(PAGE - 1))
}

/// The program cannot name our own region in a pointer.
fn acceptable(address: u64, length: usize) -> bool {
    let end = address.wrapping_add(length as u64);
    end >= address
        && end <= ADDRESS_END
        && (end <= reenact_trace::layout::REGION_START
            || address >= reenact_trace::layout::REGION_END)
}

/// Copy from the program. False when the memory is not readable.
pub fn read(address: u64, into: &mut [u8]) -> bool {
    acceptable(address, into.len()) && guarded_copy::read(address, into)
}

/// Copy to the program. False when the memory is not writable.
pub fn write(address: u64, from: &[u8]) -> bool {
    acceptable(address, from.len())
        // SAFETY: outside our region there is only memory of the program, which is bytes.
        && unsafe { guarded_copy::write(address, from) }
}

/// Whether all of a range is readable.
pub fn read_all(address: u64, length: u64) -> bool {
    let Some(end) = address.checked_add(length) else {
        return false;
    };
    let mut at = address;
    while at < end {
        if !read(at, &mut [0]) {
            return false;
        }
        at = page_down(at) + PAGE;
    }
    true
}

/// Whether all of a range is mapped.
pub fn is_mapped(address: u64, length: u64) -> bool {
    /// It starts nothing in today's kernels, but still looks at the range (mm/msync.c).
    const MS_ASYNC: u64 = 1;
    // SAFETY: writes nothing that would not be written anyhow.
    unsafe { syscall3(MSYNC, address, length, MS_ASYNC) != -ENOMEM }
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
