//! Runs a real program through the translator, passing its system calls on: a test and a
//! benchmark on real code. Single-threaded programs without signal handlers only.
//!
//! `translator-run PROGRAM ARGUMENTS…`; statistics on standard error with `REENACT_TRANSLATOR_STATISTICS`.
#![allow(clippy::undocumented_unsafe_blocks)]

#[allow(dead_code)]
#[path = "../harness/native.rs"]
mod native;

use reenact_trace::event::instruction;
use reenact_translator::{
    CodeFault, CodeRange, GuestCode, NonDeterministic, Stop, Translator, VectorSaving,
};
use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, _rdtsc};

const RWX: i32 = 7;
const CACHE: usize = 128 << 20;

struct Mapping {
    start: u64,
    end: u64,
    writable: bool,
    executable: bool,
}

struct Memory {
    maps: Vec<Mapping>,
    stale: bool,
    watched: Vec<u64>,
}

impl Memory {
    fn refresh(&mut self) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.maps.clear();
        let text = std::fs::read_to_string("/proc/self/maps").expect("proc is mounted");
        for line in text.lines() {
            let (range, rest) = line.split_once(' ').expect("a line of maps");
            let (start, end) = range.split_once('-').expect("a range");
            self.maps.push(Mapping {
                start: u64::from_str_radix(start, 16).expect("hexadecimal"),
                end: u64::from_str_radix(end, 16).expect("hexadecimal"),
                writable: rest.as_bytes()[1] == b'w',
                executable: rest.as_bytes()[2] == b'x',
            });
        }
    }

    fn find(&mut self, address: u64) -> Option<&Mapping> {
        self.refresh();
        self.maps
            .iter()
            .find(|m| (m.start..m.end).contains(&address))
    }
}

impl GuestCode for Memory {
    fn executable_range(&mut self, address: u64) -> Result<CodeRange, CodeFault> {
        match self.find(address) {
            Some(m) if m.executable => Ok(CodeRange {
                start: m.start,
                end: m.end,
            }),
            Some(_) => Err(CodeFault {
                signal: 11,
                code: 2,
            }),
            None => Err(CodeFault {
                signal: 11,
                code: 1,
            }),
        }
    }

    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let end = address.saturating_add(into.len() as u64);
        let is_mapped = self.maps.iter().any(|m| m.start <= address && end <= m.end);
        if is_mapped {
            // SAFETY: the range is mapped.
            let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, into.len()) };
            into.copy_from_slice(bytes);
        }
        is_mapped
    }

    fn watch_page(&mut self, page: u64) {
        if self.find(page).is_some_and(|m| m.writable) && !self.watched.contains(&page) {
            self.watched.push(page);
            unsafe { libc::mprotect(page as *mut _, 4096, 5) };
            self.stale = true;
        }
    }

    fn unwatch_page(&mut self, address: u64) -> Vec<u64> {
        let page = address & !0xfff;
        let Some(index) = self.watched.iter().position(|&watched| watched == page) else {
            return Vec::new();
        };
        self.watched.swap_remove(index);
        unsafe { libc::mprotect(page as *mut _, 4096, RWX) };
        self.stale = true;
        vec![page]
    }
}

unsafe fn syscall(number: u64, a: [u64; 6]) -> u64 {
    let result;
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a[0], in("rsi") a[1],
             in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
             lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// Map an ELF file; returns (bias, entry, program headers, their number, interpreter).
fn load(path: &str, wanted: u64) -> (u64, u64, u64, u64, Option<String>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"));
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let (entry, table) = (u64_at(24), u64_at(32) as usize);
    let (size, count) = (u16_at(54) as usize, u16_at(56) as usize);
    let bias = if u16_at(16) == 3 { wanted } else { 0 };
    let mut interpreter = None;
    let mut headers = 0;
    for index in 0..count {
        let at = table + index * size;
        let (kind, flags) = (u32_at(at), u32_at(at + 4));
        let (offset, address) = (u64_at(at + 8), u64_at(at + 16));
        let (in_file, in_memory) = (u64_at(at + 32), u64_at(at + 40));
        if kind == 3 {
            let name = &bytes[offset as usize..(offset + in_file) as usize - 1];
            interpreter = Some(String::from_utf8(name.to_vec()).expect("a path"));
        }
        if kind != 1 {
            continue;
        }
        let start = (bias + address) & !0xfff;
        let end = (bias + address + in_memory + 0xfff) & !0xfff;
        if offset <= table as u64 && (table as u64) < offset + in_file {
            headers = bias + address + table as u64 - offset;
        }
        let protection = (flags & 1) << 2 | flags & 2 | (flags >> 2) & 1;
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
            let got = libc::mmap(start as *mut _, (end - start) as usize, 3, flags, -1, 0);
            assert_eq!(got as u64, start, "{path} at {start:#x}");
            let to = (bias + address) as *mut u8;
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr().add(offset as usize),
                to,
                in_file as usize,
            );
            libc::mprotect(start as *mut _, (end - start) as usize, protection as i32);
        }
    }
    (bias, bias + entry, headers, count as u64, interpreter)
}

fn map(size: usize, protection: i32) -> u64 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let at = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    at as u64
}

fn stack(arguments: &[String], auxiliary: &[(u64, u64)]) -> u64 {
    let size = 64 << 20;
    let top = map(size, 3) + size as u64 - 4096;
    let mut at = top;
    let mut text = |value: &str| {
        at -= value.len() as u64 + 1;
        unsafe {
            std::ptr::copy_nonoverlapping(value.as_ptr(), at as *mut u8, value.len());
            *((at + value.len() as u64) as *mut u8) = 0;
        }
        at
    };
    let mut words = vec![arguments.len() as u64];
    words.extend(arguments.iter().map(|argument| text(argument)));
    words.push(0);
    words.extend(std::env::vars().map(|(name, value)| text(&format!("{name}={value}"))));
    words.push(0);
    let random = text("0123456789abcdef");
    for &(key, value) in auxiliary {
        words.extend([key, if key == 25 { random } else { value }]);
    }
    words.extend([0, 0]);
    let rsp = (at - words.len() as u64 * 8) & !15;
    unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), rsp as *mut u64, words.len()) };
    rsp
}

struct Runner {
    translator: Translator,
    memory: Memory,
    brk: (u64, u64),
    statistics: bool,
    stops: u64,
    begin: std::time::Instant,
}

impl Runner {
    fn run(&mut self) -> Stop {
        unsafe { self.translator.run(&mut self.memory, u64::MAX) }
    }

    fn system_call(&mut self) {
        let r = *self.translator.registers();
        let number = r.rax;
        let a = [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9];
        let result = match number {
            // Signal handlers are not supported.
            13 | 131 => 0,
            12 => {
                if a[0] >= self.brk.0 && a[0] < self.brk.0 + (1 << 30) {
                    self.brk.1 = a[0];
                }
                self.brk.1
            }
            158 if a[0] == 0x1002 => {
                self.translator.registers_mut().fs_base = a[1];
                0
            }
            // rseq, clone3
            334 | 435 => -38i64 as u64,
            56..=58 if number != 56 || a[0] & 0x10000 == 0 => {
                let result = unsafe { syscall(57, [0; 6]) };
                if result == 0 && number == 56 && a[1] != 0 {
                    self.translator.registers_mut().rsp = a[1];
                }
                result
            }
            56 => -11i64 as u64,
            60 | 231 => self.exit(a[0] as i32),
            9 | 10 | 11 | 25 | 28 => {
                let (start, length) = if number == 25 {
                    (a[0], a[1].max(a[2]))
                } else {
                    (a[0], a[1])
                };
                self.memory.stale = true;
                let result = unsafe { syscall(number, a) };
                let start = if number == 9 { result } else { start };
                if (result as i64) >= 0 {
                    self.translator.invalidate(start, length);
                    self.memory
                        .watched
                        .retain(|page| !(start..start + length).contains(page));
                }
                result
            }
            _ => unsafe { syscall(number, a) },
        };
        let registers = self.translator.registers_mut();
        registers.rax = result;
        registers.rip = r.rip + 2;
        registers.rcx = registers.rip;
        registers.r11 = registers.rflags;
    }

    fn exit(&self, status: i32) -> ! {
        if self.statistics {
            let seconds = self.begin.elapsed().as_secs_f64();
            let executed = self.translator.executed();
            eprintln!(
                "{:.3} s, {} million instructions, {} stops; {}",
                seconds,
                executed / 1_000_000,
                self.stops,
                self.translator.statistics()
            );
        }
        if let Some(path) = std::env::var_os("REENACT_TRANSLATOR_DUMP") {
            // The code cache, to be disassembled; its address is in the first eight bytes.
            let base = self.translator.context() as usize;
            let mut bytes = base.to_le_bytes().to_vec();
            bytes.extend(unsafe { std::slice::from_raw_parts(base as *const u8, CACHE) });
            std::fs::write(path, bytes).expect("a writable path");
        }
        unsafe { libc::_exit(status) }
    }

    fn instruction(&mut self, what: NonDeterministic) {
        let r = self.translator.registers_mut();
        r.rip += u64::from(what.length);
        match what.code {
            instruction::CPUID => {
                let leaf = __cpuid_count(r.rax as u32, r.rcx as u32);
                (r.rax, r.rbx) = (u64::from(leaf.eax), u64::from(leaf.ebx));
                (r.rcx, r.rdx) = (u64::from(leaf.ecx), u64::from(leaf.edx));
            }
            instruction::RDTSC | instruction::RDTSCP => {
                let time = unsafe { _rdtsc() };
                (r.rax, r.rdx) = (time & 0xffff_ffff, time >> 32);
                if what.code == instruction::RDTSCP {
                    r.rcx = 0;
                }
            }
            instruction::XGETBV => unsafe {
                let (low, high): (u32, u32);
                asm!("xgetbv", in("ecx") r.rcx as u32, out("eax") low, out("edx") high);
                (r.rax, r.rdx) = (u64::from(low), u64::from(high));
            },
            other => panic!("instruction {other}"),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments
        .first()
        .expect("usage: translator-run PROGRAM ARGUMENTS…");
    native::install();
    let (bias, entry, headers, count, interpreter) = load(path, 0x5a00_0000_0000);
    let _ = bias;
    let (base, start) = match interpreter {
        Some(interpreter) => {
            let (base, start, ..) = load(&interpreter, 0x7000_0000_0000);
            (base, start)
        }
        None => (0, entry),
    };
    let (hwcap, hwcap2) = unsafe { (libc::getauxval(16), libc::getauxval(26)) };
    let rsp = stack(
        &arguments,
        &[
            (3, headers),
            (4, 56),
            (5, count),
            (6, 4096),
            (7, base),
            (9, entry),
            (11, 0),
            (12, 0),
            (13, 0),
            (14, 0),
            (16, hwcap),
            (17, 100),
            (23, 0),
            (25, 0),
            (26, hwcap2),
        ],
    );
    // In MiB; a small one tests flushing.
    let megabytes = std::env::var("REENACT_TRANSLATOR_CACHE").ok();
    let length = megabytes
        .and_then(|text| text.parse::<usize>().ok())
        .map_or(CACHE, |n| n << 20);
    // Huge pages matter: translated code is scattered.
    let cache = ((map(length + (2 << 20), RWX) + (2 << 20) - 1) & !((2 << 20) - 1)) as *mut u8;
    unsafe { libc::madvise(cache.cast(), length, libc::MADV_HUGEPAGE) };
    let mut translator = unsafe { Translator::new(cache, length, VectorSaving::Full) };
    native::set_context(translator.context());
    translator.registers_mut().rip = start;
    translator.registers_mut().rsp = rsp;
    let heap = map(1 << 30, 3);
    let mut runner = Runner {
        translator,
        memory: Memory {
            maps: Vec::new(),
            stale: true,
            watched: Vec::new(),
        },
        brk: (heap, heap),
        statistics: std::env::var_os("REENACT_TRANSLATOR_STATISTICS").is_some(),
        stops: 0,
        begin: std::time::Instant::now(),
    };
    loop {
        runner.stops += 1;
        match runner.run() {
            Stop::Syscall => runner.system_call(),
            Stop::Instruction(what) => runner.instruction(what),
            stop => {
                let registers = runner.translator.registers();
                eprintln!(
                    "translator-run: {stop:x?} after {}, {registers:x?}",
                    runner.translator.executed()
                );
                unsafe { libc::_exit(125) }
            }
        }
    }
}
