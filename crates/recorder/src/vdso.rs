//! The vDSO while recording: the copy that takes its place is logged, and what its functions answer.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_interpose::vdso::{self, Answerer, Call, Copied};
use reenact_interpose::vdso_image::Layout;
use reenact_trace::arena::VDSO_MAPPINGS;
use reenact_trace::checksum::checksum;
use reenact_trace::event::flags;
use reenact_trace::layout::MOVED_VDSO_ADDRESS;
use reenact_trace::{EventKind, FileId, MapRecord, Tag};

use crate::log::Builder;
use crate::thread::Thread;
use crate::{address_space, arena, files, guest};

/// Set once at start; 0: there is none of ours.
static IMAGE_ADDRESS: AtomicU64 = AtomicU64::new(0);

/// Where the program sees the vDSO.
pub fn image_address() -> Option<u64> {
    Some(IMAGE_ADDRESS.load(Ordering::Relaxed)).filter(|&address| address != 0)
}

/// Put the patched copy in the place of the kernel's vDSO, and log it.
#[inline(never)]
pub fn take_over(address: Option<u64>, event: &mut Builder) {
    let Some(address) = address.filter(|&address| address != 0) else {
        return;
    };
    let Some(copied) = vdso::take_over(address, &layout(address), MOVED_VDSO_ADDRESS) else {
        return;
    };
    IMAGE_ADDRESS.store(address, Ordering::Relaxed);
    for detour in copied.detours() {
        event.bytes(Tag::Detour, detour.entry, &detour.number.to_le_bytes());
    }
    log_image(&copied, event);
}

/// Put the kernel's vDSO back.
pub fn give_back() {
    if let Some(address) = image_address() {
        vdso::give_back(address, &layout(address), MOVED_VDSO_ADDRESS);
    }
}

/// Whether something of the program's is where the kernel's was, beside the copy.
pub fn is_place_taken() -> bool {
    let Some(address) = image_address() else {
        return false;
    };
    let mut is_taken = false;
    for &(below, length) in layout(address).mappings() {
        if below != 0 {
            let start = address - below;
            address_space::for_areas(start, start + length, |_| is_taken = true);
        }
    }
    is_taken
}

fn log_image(copied: &Copied, event: &mut Builder) {
    let (address, size) = (copied.address, copied.bytes.len() as u64);
    let stored = files::store_bytes(b"[vdso]", checksum(copied.bytes), copied.bytes);
    // SAFETY: the copy, which is the program's from now on.
    unsafe { syscall3(MPROTECT, address, size, PROT_READ | PROT_EXEC) };
    let map = MapRecord {
        length: size,
        protection: (PROT_READ | PROT_EXEC) as u32,
        flags: MAP_PRIVATE as u32,
        file: stored.map_or(FileId::NONE.0, |id| id.0),
        file_size: size,
        ..MapRecord::default()
    };
    event.map(address, &map);
    if stored.is_none() {
        event.guest_memory(address, size);
    }
}

/// Where the vDSO's mappings are. The first process of a recording looks, and says it in the arena.
fn layout(address: u64) -> Layout {
    let known = &arena::header().vdso_layout;
    let mut layout = Layout::default();
    let count = known[0].load(Ordering::Acquire) as usize;
    for index in 0..count.min(VDSO_MAPPINGS) {
        let word = |at: usize| known[at + 2 * index].load(Ordering::Relaxed);
        layout.add(word(1), word(2));
    }
    if count > 0 {
        return layout;
    }
    let layout = read_layout(address);
    for (index, &(below, length)) in layout.mappings().iter().take(VDSO_MAPPINGS).enumerate() {
        known[1 + 2 * index].store(below, Ordering::Relaxed);
        known[2 + 2 * index].store(length, Ordering::Relaxed);
    }
    known[0].store(layout.mappings().len() as u64, Ordering::Release);
    layout
}

#[cold]
#[inline(never)]
fn read_layout(address: u64) -> Layout {
    // A program that is attached to may have thousands of mappings.
    let mut layout = Layout::default();
    let mut lines = [0u8; 16 * 1024];
    let mut length = 0;
    // SAFETY: system calls on names and buffers of ours.
    unsafe {
        let name = c"/proc/self/maps".as_ptr() as u64;
        let fd = syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0);
        if fd < 0 {
            return Layout::default();
        }
        loop {
            let rest = &mut lines[length..];
            let count = syscall3(READ, fd as u64, rest.as_mut_ptr() as u64, rest.len() as u64);
            if count <= 0 {
                break;
            }
            length += count as usize;
            let whole = lines[..length].iter().rposition(|&byte| byte == b'\n');
            let whole = whole.map_or(0, |last| last + 1);
            layout.add_lines(&lines[..whole], address);
            lines.copy_within(whole..length, 0);
            length -= whole;
        }
        syscall2(CLOSE, fd as u64, 0);
    }
    layout
}

/// The program called a function of the vDSO. An address to which the answer could not be written: the function's own code
/// would have faulted there, not answered EFAULT.
#[inline(never)]
pub fn on_call(thread: &mut Thread) -> Option<u64> {
    let number = thread.frame.vdso;
    let answerer = if thread.time_stamps_fault {
        Answerer::Kernel
    } else {
        Answerer::Original
    };
    let call = vdso::call(&thread.frame, answerer);
    thread.frame.registers.rip = call.detour.entry;
    let mut event = begun(thread, number, call.arguments);
    let (result, unwritten) = give(&mut event, &call);
    event.commit();
    thread.frame.return_to_caller(result);
    unwritten
}

/// The program is at a function of the vsyscall page, whose number is in `rax`. The same; then it is still there.
pub fn on_vsyscall(thread: &mut Thread) -> Option<u64> {
    thread.frame.vdso = thread.frame.registers.rax;
    let call = vdso::call(&thread.frame, Answerer::Kernel);
    let mut event = begin(thread);
    let (result, unwritten) = give(&mut event, &call);
    if unwritten.is_none() {
        event.commit();
        thread.frame.return_to_caller(result);
    }
    unwritten
}

/// An event for a function of the vsyscall page.
pub fn begin(thread: &Thread) -> Builder {
    let registers = &thread.frame.registers;
    let second = if registers.rax == TIME {
        0
    } else {
        registers.rsi
    };
    begun(thread, registers.rax, [registers.rdi, second])
}

/// An event for the function that the program is at.
fn begun(thread: &Thread, number: u64, [first, second]: [u64; 2]) -> Builder {
    let registers = &thread.frame.registers;
    let mut event = Builder::new(EventKind::Syscall, number as u16);
    event.header.ip = registers.rip;
    event.header.flags = flags::VDSO;
    event.header.register_checksum = registers.checksum();
    event.header.args = [first, second, 0, 0, 0, 0];
    event
}

/// Give the program what a function answers. The first address at which it could not have stored that; the result is the
/// kernel's where it is what fails.
fn give(event: &mut Builder, call: &Call) -> (i64, Option<u64>) {
    let unwritten = call.outputs().find(|&(address, bytes)| {
        let is_written = guest::write(address, bytes);
        if is_written {
            event.bytes(Tag::Write, address, bytes);
        }
        !is_written
    });
    let unwritten = unwritten.map(|(address, _)| address);
    let (result, unwritten) = match unwritten {
        Some(_) if call.is_left_to_kernel() => (-EFAULT, None),
        other => (call.result, other),
    };
    event.header.result = result;
    (result, unwritten)
}
