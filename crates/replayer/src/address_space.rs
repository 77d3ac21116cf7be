//! Makes room for the recorded program: everything outside the reserved region goes away.

use reenact_freestanding::numbers;
use reenact_freestanding::syscall::{syscall1, syscall3, syscall4};
use reenact_trace::layout;

use crate::system;

/// The replayer's own stack, in the reserved region (its guard page is the unmapped page below).
pub const STACK_ADDRESS: u64 = layout::REPLAYER_HEAP_ADDRESS - (1 << 30);
pub const STACK_SIZE: u64 = 8 << 20;
/// Alternate stack for signal handlers: translated code runs on the program's stack pointer.
pub const SIGNAL_STACK_ADDRESS: u64 = STACK_ADDRESS + (64 << 20);
pub const SIGNAL_STACK_SIZE: u64 = 1 << 20;

/// Memory shared by all processes of a replay.
pub const SHARED_ADDRESS: u64 = STACK_ADDRESS + (128 << 20);
/// The table of turns, shared too.
pub const TURNS_ADDRESS: u64 = SHARED_ADDRESS + (64 << 20);

/// Where a part of a shared object is mapped for a moment, and how much at most.
pub const WINDOW_ADDRESS: u64 = STACK_ADDRESS + (256 << 20);
pub const WINDOW_SIZE: u64 = 512 << 20;

/// Map the stacks. Called on the kernel's stack, before anything else.
pub fn map_stacks() -> bool {
    let flags = numbers::MAP_PRIVATE
        | numbers::MAP_ANONYMOUS
        | numbers::MAP_FIXED_NOREPLACE
        | numbers::MAP_NORESERVE;
    let protection = numbers::PROT_READ | numbers::PROT_WRITE;
    [
        (STACK_ADDRESS, STACK_SIZE),
        (SIGNAL_STACK_ADDRESS, SIGNAL_STACK_SIZE),
    ]
    .iter()
    .all(|&(address, size)| {
        // SAFETY: a fresh mapping; NOREPLACE leaves existing ones alone.
        unsafe { system::map(address, size, protection, flags, -1, 0) == Ok(address) }
    })
}

/// A range of the address space.
type Range = (u64, u64);

/// Unmap everything outside the reserved region: the kernel's stack, vDSO, vvar, heap.
/// Runs on our own stack; nothing may refer to arguments or environment afterwards.
pub fn clear_outside_region() -> Result<(), &'static str> {
    const OPEN_FLAGS: u64 = numbers::O_RDONLY | numbers::O_CLOEXEC;
    // SAFETY: plain open of a constant path.
    let descriptor = unsafe {
        syscall4(
            numbers::OPENAT,
            numbers::AT_FDCWD as u64,
            c"/proc/self/maps".as_ptr() as u64,
            OPEN_FLAGS,
            0,
        )
    };
    if descriptor < 0 {
        // Without /proc: unmap everything by address, which needs no list.
        return unmap_all_but_region();
    }
    let mut ranges: [Range; 64] = [(0, 0); 64];
    let mut count = 0;
    let mut buffer = [0u8; 4096];
    let mut parser = MapsParser::default();
    loop {
        // SAFETY: the kernel writes into `buffer` only.
        let length = unsafe {
            syscall3(
                numbers::READ,
                descriptor as u64,
                buffer.as_mut_ptr() as u64,
                buffer.len() as u64,
            )
        };
        if length <= 0 {
            break;
        }
        for &byte in &buffer[..length as usize] {
            if let Some(range) = parser.feed(byte) {
                let ours = range.0 >= layout::REGION_START && range.1 <= layout::REGION_END;
                let kernels = range.0 >= 1 << 47;
                if !ours && !kernels && count < ranges.len() {
                    ranges[count] = range;
                    count += 1;
                }
            }
        }
    }
    // SAFETY: our descriptor.
    unsafe { syscall1(numbers::CLOSE, descriptor as u64) };
    for &(start, end) in &ranges[..count] {
        // SAFETY: nothing of ours is outside the region any more.
        unsafe { system::unmap(start, end - start) }
            .map_err(|_| "cannot unmap what the kernel put outside the reserved region")?;
    }
    Ok(())
}

fn unmap_all_but_region() -> Result<(), &'static str> {
    const TOP: u64 = (1 << 47) - 4096;
    for (start, end) in [(0, layout::REGION_START), (layout::REGION_END, TOP)] {
        // SAFETY: nothing of ours is outside the region any more.
        unsafe { system::unmap(start, end - start) }
            .map_err(|_| "cannot unmap what the kernel put outside the reserved region")?;
    }
    Ok(())
}

/// Takes `start-end` from each line of a maps file, byte by byte.
#[derive(Default)]
struct MapsParser {
    column: u8,
    start: u64,
    end: u64,
}

impl MapsParser {
    fn feed(&mut self, byte: u8) -> Option<Range> {
        match (self.column, byte) {
            (_, b'\n') => {
                *self = MapsParser::default();
                None
            }
            (0, b'-') => {
                self.column = 1;
                None
            }
            (1, b' ') => {
                self.column = 2;
                Some((self.start, self.end))
            }
            (column @ (0 | 1), digit) => {
                let value = u64::from((digit as char).to_digit(16).unwrap_or(0));
                let number = if column == 0 {
                    &mut self.start
                } else {
                    &mut self.end
                };
                *number = *number << 4 | value;
                None
            }
            _ => None,
        }
    }
}
