//! The vDSO: the kernel's page is moved into the reserved region and a copy whose functions jump
//! to the recorder takes its place. A clock read stays near vDSO speed and is logged.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4, syscall5, syscall6};
use reenact_trace::arena::VDSO_MAPPINGS;
use reenact_trace::event::flags;
use reenact_trace::layout::MOVED_VDSO_ADDRESS;
use reenact_trace::{EventKind, MapRecord, Tag};

use crate::log::Builder;
use crate::thread::Thread;
use crate::{arena, entry, files, guest};

/// A function of the vDSO that the recorder answers.
struct Function {
    name: &'static [u8],
    number: u64,
    entry: unsafe extern "C" fn(),
}

const FUNCTIONS: [Function; 5] = [
    Function {
        name: b"__vdso_clock_gettime",
        number: CLOCK_GETTIME,
        entry: entry::vdso_clock_gettime,
    },
    Function {
        name: b"__vdso_gettimeofday",
        number: GETTIMEOFDAY,
        entry: entry::vdso_gettimeofday,
    },
    Function {
        name: b"__vdso_time",
        number: TIME,
        entry: entry::vdso_time,
    },
    Function {
        name: b"__vdso_clock_getres",
        number: CLOCK_GETRES,
        entry: entry::vdso_clock_getres,
    },
    Function {
        name: b"__vdso_getcpu",
        number: GETCPU,
        entry: entry::vdso_getcpu,
    },
];

/// Address in the copy and in the moved original of each function; 0: the kernel has none.
static mut ENTRIES: [[u64; 2]; 5] = [[0; 2]; 5];

static mut IMAGE_ADDRESS: u64 = 0;

/// Where the program sees the vDSO.
pub fn image_address() -> Option<u64> {
    // SAFETY: set once at start.
    Some(unsafe { IMAGE_ADDRESS }).filter(|&address| address != 0)
}

/// Most bytes of a vDSO image.
const IMAGE_MAX: usize = 16 * 1024;

/// Move the kernel's vDSO away, put the patched copy in its place, and log it.
#[inline(never)]
pub fn take_over(address: Option<u64>, event: &mut Builder) {
    let Some(address) = address.filter(|&address| address != 0) else {
        return;
    };
    let layout = &arena::header().vdso_layout;
    if layout[0].load(Ordering::Acquire) == 0 {
        learn_layout(address);
    }
    let count = layout[0].load(Ordering::Acquire) as usize;
    let mut image_size = 0;
    for index in 0..count.min(VDSO_MAPPINGS) {
        let below = layout[1 + 2 * index].load(Ordering::Relaxed);
        let length = layout[2 + 2 * index].load(Ordering::Relaxed);
        // SAFETY: the kernel's special mappings may be moved (as checkpoint tools do); the
        // distances between them, which the code relies on, stay.
        unsafe {
            syscall5(
                MREMAP,
                address - below,
                length,
                length,
                MREMAP_MAYMOVE | MREMAP_FIXED,
                MOVED_VDSO_ADDRESS - below,
            )
        };
        if below == 0 {
            image_size = length;
        }
    }
    if image_size == 0 || image_size as usize > IMAGE_MAX {
        return;
    }
    // SAFETY: where the original was; nothing is mapped there now.
    let result = unsafe {
        syscall6(
            MMAP,
            address,
            image_size,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
            u64::MAX,
            0,
        )
    };
    if result as u64 != address {
        return;
    }
    // SAFETY: set once, before the program runs.
    unsafe { IMAGE_ADDRESS = address };
    // SAFETY: the moved image is readable, the copy writable, both `image_size` long.
    let copy = unsafe {
        core::ptr::copy_nonoverlapping(
            MOVED_VDSO_ADDRESS as *const u8,
            address as *mut u8,
            image_size as usize,
        );
        core::slice::from_raw_parts_mut(address as *mut u8, image_size as usize)
    };
    patch(copy, address, event);
    let stored = files::store_bytes(b"[vdso]", checksum_key(copy), copy);
    // SAFETY: the copy.
    unsafe { syscall3(MPROTECT, address, image_size, PROT_READ | PROT_EXEC) };
    let map = MapRecord {
        length: image_size,
        protection: (PROT_READ | PROT_EXEC) as u32,
        flags: MAP_PRIVATE as u32,
        file: stored.map_or(u32::MAX, |id| id.0),
        file_size: image_size,
        ..MapRecord::default()
    };
    event.map(address, &map);
    if stored.is_none() {
        event.guest_memory(address, image_size);
    }
}

fn checksum_key(bytes: &[u8]) -> u64 {
    reenact_trace::checksum::checksum(bytes)
}

/// Find vvar and vDSO in `/proc/self/maps`; they lie one behind the other.
#[cold]
#[inline(never)]
fn learn_layout(address: u64) {
    let mut buffer = [0u8; 24 * 1024];
    // SAFETY: system calls on names and buffers of ours.
    let length = unsafe {
        let fd = syscall4(
            OPENAT,
            AT_FDCWD as u64,
            c"/proc/self/maps".as_ptr() as u64,
            O_RDONLY | O_CLOEXEC,
            0,
        );
        if fd < 0 {
            return;
        }
        let mut length = 0;
        loop {
            let count = syscall3(
                READ,
                fd as u64,
                buffer.as_mut_ptr() as u64 + length as u64,
                (buffer.len() - length) as u64,
            );
            if count <= 0 {
                break;
            }
            length += count as usize;
        }
        syscall2(CLOSE, fd as u64, 0);
        length
    };
    let layout = &arena::header().vdso_layout;
    let mut count = 0;
    for line in buffer[..length].split(|&byte| byte == b'\n') {
        if !(line.ends_with(b"[vvar]")
            || line.ends_with(b"[vvar_vclock]")
            || line.ends_with(b"[vdso]"))
            || count == VDSO_MAPPINGS
        {
            continue;
        }
        let (start, at) = hexadecimal(line, 0);
        let (end, _) = hexadecimal(line, at + 1);
        if start > address {
            continue;
        }
        layout[1 + 2 * count].store(address - start, Ordering::Relaxed);
        layout[2 + 2 * count].store(end - start, Ordering::Relaxed);
        count += 1;
    }
    layout[0].store(count as u64, Ordering::Release);
}

fn hexadecimal(line: &[u8], mut at: usize) -> (u64, usize) {
    let mut value = 0;
    while let Some(digit) = line.get(at).and_then(|&byte| (byte as char).to_digit(16)) {
        value = value << 4 | u64::from(digit);
        at += 1;
    }
    (value, at)
}

fn u64_at(image: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(image.get(at..at + 8)?.try_into().ok()?))
}

fn u32_at(image: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?))
}

/// Address of the dynamic table entry with this tag.
fn dynamic(image: &[u8], tag: u64) -> Option<usize> {
    let headers = u64_at(image, 32)? as usize;
    let count = usize::from(u16::from_le_bytes([*image.get(56)?, *image.get(57)?]));
    let table = (0..count)
        .map(|index| headers + index * 56)
        .find(|&at| u32_at(image, at) == Some(2))
        .and_then(|at| u64_at(image, at + 8))? as usize;
    (0..64)
        .map(|index| table + index * 16)
        .find(|&at| u64_at(image, at) == Some(tag))
        .and_then(|at| u64_at(image, at + 8))
        .map(|value| value as usize)
}

/// Replace the known functions of the copy by jumps to the recorder.
fn patch(image: &mut [u8], address: u64, event: &mut Builder) {
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    let (Some(strings), Some(symbols)) = (dynamic(image, DT_STRTAB), dynamic(image, DT_SYMTAB))
    else {
        return;
    };
    // The string table follows the symbol table in every kernel's vDSO.
    let count = strings.saturating_sub(symbols) / 24;
    for index in 0..count {
        let symbol = symbols + index * 24;
        let (Some(name), Some(value)) = (u32_at(image, symbol), u64_at(image, symbol + 8)) else {
            return;
        };
        let name_at = strings + name as usize;
        let Some(name) = image.get(name_at..) else {
            continue;
        };
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(0);
        let name = &name[..end];
        let found = FUNCTIONS.iter().position(|function| function.name == name);
        let value = value as usize;
        let Some(code) = found.and(image.get_mut(value..value + 14)) else {
            continue;
        };
        let function = &FUNCTIONS[found.unwrap_or(0)];
        // jmp [rip + 0]; address
        code[..6].copy_from_slice(&[0xff, 0x25, 0, 0, 0, 0]);
        code[6..].copy_from_slice(&(function.entry as *const () as u64).to_le_bytes());
        let entry = address + value as u64;
        // SAFETY: one thread at a time.
        unsafe {
            ENTRIES[found.unwrap_or(0)] = [entry, MOVED_VDSO_ADDRESS + value as u64];
        }
        event.bytes(Tag::Detour, entry, &function.number.to_le_bytes());
    }
}

/// The program called a function of the vDSO.
#[inline(never)]
pub fn on_call(thread: &mut Thread) {
    let number = thread.frame.vdso;
    let index = FUNCTIONS
        .iter()
        .position(|function| function.number == number)
        .unwrap_or(0);
    // SAFETY: one thread at a time.
    let [entry, original] = unsafe { ENTRIES[index] };
    let registers = &mut thread.frame.registers;
    registers.rip = entry;
    let (first, second) = (registers.rdi, registers.rsi);
    let mut event = Builder::new(EventKind::Syscall, number as u16);
    event.header.ip = entry;
    event.header.flags = flags::VDSO;
    event.header.register_checksum = registers.checksum();
    event.header.args = [first, second, 0, 0, 0, 0];
    // The function writes to buffers of ours: the program's pointers may be bad.
    let mut out = [[0u64; 2]; 2];
    let [one, two] = &mut out;
    let (one, two) = (one.as_mut_ptr() as u64, two.as_mut_ptr() as u64);
    let function: extern "C" fn(u64, u64, u64) -> i64;
    // SAFETY: the moved original, which has this signature for all five functions.
    unsafe {
        function = core::mem::transmute::<u64, extern "C" fn(u64, u64, u64) -> i64>(original)
    };
    let choose = |program: u64, ours: u64| if program == 0 { 0 } else { ours };
    let (result, sizes) = match number {
        CLOCK_GETTIME | CLOCK_GETRES => (function(first, choose(second, two), 0), [0, 16]),
        GETTIMEOFDAY => (
            function(choose(first, one), choose(second, two), 0),
            [16, 8],
        ),
        TIME => (function(choose(first, one), 0, 0), [8, 0]),
        _ => (function(choose(first, one), choose(second, two), 0), [4, 4]),
    };
    // Direction of the copy back: only after success.
    if result >= 0 {
        for (address, words, size) in [(first, &out[0], sizes[0]), (second, &out[1], sizes[1])] {
            if size == 0 || address == 0 || (number == CLOCK_GETTIME && address == first) {
                continue;
            }
            // SAFETY: plain words as bytes.
            let bytes = unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size) };
            if guest::write(address, bytes) {
                event.bytes(Tag::Write, address, bytes);
            }
        }
    }
    event.header.result = result;
    event.commit();
    // Return to the caller as `ret` does.
    let registers = &mut thread.frame.registers;
    registers.rax = result as u64;
    registers.rip = guest::read_u64(registers.rsp).unwrap_or(0);
    registers.rsp += 8;
    thread.frame.resume_at = registers.rip;
}
