//! A guest: memory at fixed addresses, a translator, and a comparison of the two ways to run it.

use super::native::{self, Capture, Vectors};
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;
use reenact_translator::{CodeFault, CodeRange, Fault, GuestCode, Stop, Translator, VectorSaving};

pub const CODE: u64 = 0x12_3456_7000;
pub const CODE_SIZE: usize = 64 << 10;
/// Within reach of rip-relative operands.
pub const DATA: u64 = CODE + (16 << 20);
pub const DATA_SIZE: usize = 16 << 10;
/// Where the stack pointer starts: in the data.
pub const STACK: u64 = DATA + 12 * 1024;

/// The guest's memory as the translator sees it.
pub struct Memory {
    /// Pages write-protected because their code was translated.
    pub watched: Vec<u64>,
    /// Whether to write-protect at all.
    pub protect: bool,
    /// Other executable ranges.
    pub extra: Vec<CodeRange>,
}

impl GuestCode for Memory {
    fn executable_range(&mut self, address: u64) -> Result<CodeRange, CodeFault> {
        if (CODE..CODE + CODE_SIZE as u64).contains(&address) {
            return Ok(CodeRange {
                start: CODE,
                end: CODE + CODE_SIZE as u64,
            });
        }
        if let Some(range) = self
            .extra
            .iter()
            .find(|r| (r.start..r.end).contains(&address))
        {
            return Ok(*range);
        }
        let data = (DATA..DATA + DATA_SIZE as u64).contains(&address);
        Err(CodeFault {
            signal: 11,
            code: if data { 2 } else { 1 },
        })
    }

    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let end = address.saturating_add(into.len() as u64);
        if address < DATA || end > DATA + DATA_SIZE as u64 {
            return false;
        }
        // SAFETY: the data of the guest is mapped.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, into.len()) };
        into.copy_from_slice(bytes);
        true
    }

    fn watch_page(&mut self, page: u64) {
        if self.protect && !self.watched.contains(&page) {
            self.watched.push(page);
            protect(page, libc::PROT_READ | libc::PROT_EXEC);
        }
    }

    fn unwatch_page(&mut self, address: u64) -> Vec<u64> {
        let page = address & !0xfff;
        let Some(index) = self.watched.iter().position(|&watched| watched == page) else {
            return Vec::new();
        };
        self.watched.swap_remove(index);
        protect(page, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
        vec![page]
    }
}

fn protect(page: u64, protection: i32) {
    unsafe { assert_eq!(libc::mprotect(page as *mut _, 4096, protection), 0) };
}

pub struct Machine {
    pub translator: Translator,
    pub memory: Memory,
}

/// How a run ended.
#[derive(Clone)]
pub struct Outcome {
    pub registers: Registers,
    pub vectors: Vectors,
    pub signal: i32,
    pub code: i32,
    pub address: u64,
    /// Flags that need not be right.
    pub dead_flags: u64,
    pub data: Vec<u8>,
    /// A stop that is no fault.
    pub other: Option<Stop>,
}

pub fn map(address: u64, size: usize, protection: i32) -> *mut u8 {
    unsafe {
        let fixed = if address != 0 {
            libc::MAP_FIXED_NOREPLACE
        } else {
            0
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
        let result = libc::mmap(address as *mut _, size, protection, flags, -1, 0);
        assert_ne!(result, libc::MAP_FAILED, "mmap at {address:#x}");
        result.cast()
    }
}

const RWX: i32 = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;

impl Machine {
    pub fn new() -> Machine {
        Machine::with_cache(64 << 20)
    }

    pub fn with_cache(length: usize) -> Machine {
        native::install();
        map(CODE, CODE_SIZE, RWX);
        map(DATA, DATA_SIZE, libc::PROT_READ | libc::PROT_WRITE);
        let cache = map(0, length, RWX);
        let translator = unsafe { Translator::new(cache, length, VectorSaving::Full) };
        native::set_context(translator.context());
        let memory = Memory {
            watched: Vec::new(),
            protect: true,
            extra: Vec::new(),
        };
        Machine { translator, memory }
    }

    /// Signal stack and gs base for a thread other than the one that made the machine.
    pub fn adopt_thread(&mut self) {
        native::install();
        let context = self.translator.context();
        unsafe { libc::syscall(158, 0x1001, context) };
    }

    /// Put code at an offset from the start of the code area.
    pub fn load(&mut self, offset: usize, code: &[u8]) {
        let start = CODE + offset as u64;
        self.translator.invalidate(start, code.len().max(1) as u64);
        for page in (start >> 12)..=(start + code.len() as u64) >> 12 {
            self.memory.unwatch_page(page << 12);
        }
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), start as *mut u8, code.len()) };
    }

    /// Like `load`, with nothing but zeroes in the rest of the first 16 KiB.
    pub fn load_alone(&mut self, offset: usize, code: &[u8]) {
        self.translator.invalidate(CODE, 0x4000);
        for page in 0..4 {
            self.memory.unwatch_page(CODE + page * 0x1000);
        }
        unsafe { std::ptr::write_bytes(CODE as *mut u8, 0, 0x4000) };
        self.load(offset, code);
    }

    pub fn code(&self, offset: usize, length: usize) -> &[u8] {
        unsafe { std::slice::from_raw_parts((CODE + offset as u64) as *const u8, length) }
    }

    pub fn data(&mut self) -> &mut [u8] {
        unsafe { std::slice::from_raw_parts_mut(DATA as *mut u8, DATA_SIZE) }
    }

    /// Run natively to the first signal.
    pub fn native(&mut self, registers: &Registers, vectors: &Vectors) -> Outcome {
        self.native_by(registers, vectors, native::run)
    }

    /// Run natively with the trap flag set; where the program is behind each of its instructions, too.
    pub fn native_steps(
        &mut self,
        registers: &Registers,
        vectors: &Vectors,
    ) -> (Outcome, Vec<u64>) {
        let mut steps = Vec::new();
        let outcome = self.native_by(registers, vectors, |capture| {
            steps = native::run_stepped(capture);
        });
        // The way in is stepped as well, up to the first instruction.
        let begin = steps.iter().position(|&ip| ip == registers.rip);
        (
            outcome,
            steps.split_off(begin.map_or(steps.len(), |at| at + 1)),
        )
    }

    /// The same translated.
    pub fn translated_steps(
        &mut self,
        registers: &Registers,
        vectors: &Vectors,
    ) -> (Outcome, Vec<u64>) {
        let stepping = Registers {
            rflags: registers.rflags | TRAP_FLAG,
            ..*registers
        };
        self.start(&stepping, vectors);
        let mut steps = Vec::new();
        loop {
            let before = self.translator.executed();
            let stop = self.run(u64::MAX);
            let ip = self.translator.registers().rip;
            if stop != Stop::stepped(ip) {
                return (self.outcome(stop), steps);
            }
            steps.push(ip);
            // Where it has cleared the flag itself, the trap comes all the same.
            let executed = self.translator.executed() - before;
            assert_eq!(executed, 1, "instructions in a step");
        }
    }

    fn native_by(
        &mut self,
        registers: &Registers,
        vectors: &Vectors,
        run: impl FnOnce(&mut Capture),
    ) -> Outcome {
        let mut capture = Capture {
            registers: *registers,
            host_rsp: 0,
            vectors: vectors.clone(),
            signal: 0,
            code: 0,
            address: 0,
        };
        run(&mut capture);
        capture.registers.fs_base = 0;
        capture.registers.gs_base = 0;
        Outcome {
            registers: capture.registers,
            vectors: capture.vectors,
            signal: capture.signal,
            code: capture.code,
            address: capture.address,
            dead_flags: 0,
            data: self.data().to_vec(),
            other: None,
        }
    }

    pub fn start(&mut self, registers: &Registers, vectors: &Vectors) {
        let fs_base: u64;
        unsafe { std::arch::asm!("rdfsbase {}", out(reg) fs_base) };
        *self.translator.registers_mut() = Registers {
            fs_base,
            ..*registers
        };
        unsafe { self.translator.load_vectors(vectors.0.as_ptr()) };
        self.translator.set_executed(0);
    }

    pub fn run(&mut self, limit: u64) -> Stop {
        unsafe { self.translator.run(&mut self.memory, limit) }
    }

    /// The state now, after a stop.
    pub fn outcome(&mut self, stop: Stop) -> Outcome {
        let mut vectors = Vectors([0; native::XSAVE_SIZE]);
        unsafe { self.translator.save_vectors(vectors.0.as_mut_ptr()) };
        let mut registers = *self.translator.registers();
        registers.fs_base = 0;
        registers.gs_base = 0;
        let (fault, other) = match stop {
            Stop::Fault(fault) => (fault, None),
            other => (
                Fault {
                    signal: 0,
                    code: 0,
                    address: 0,
                    dead_flags: 0,
                },
                Some(other),
            ),
        };
        Outcome {
            registers,
            vectors,
            signal: fault.signal,
            code: fault.code,
            address: fault.address,
            dead_flags: fault.dead_flags,
            data: self.data().to_vec(),
            other,
        }
    }

    /// Run through the translator until it stops.
    pub fn translated(&mut self, registers: &Registers, vectors: &Vectors, limit: u64) -> Outcome {
        self.start(registers, vectors);
        let stop = self.run(limit);
        self.outcome(stop)
    }
}

/// Give components that are in their initial state their initial contents.
fn normalise(vectors: &Vectors) -> Vectors {
    let mut v = vectors.clone();
    let present = u64::from_le_bytes(v.0[512..520].try_into().expect("8 bytes"));
    if present & 1 == 0 {
        v.0[0..24].fill(0);
        v.0[0..2].copy_from_slice(&0x37fu16.to_le_bytes());
        v.0[32..160].fill(0);
    }
    if present & 2 == 0 {
        v.0[160..416].fill(0);
    }
    // MXCSR_MASK, the unused halves of ST registers, software bytes, the header.
    v.0[28..32].fill(0);
    for st in 0..8 {
        v.0[32 + st * 16 + 10..32 + st * 16 + 16].fill(0);
    }
    v.0[416..576].fill(0);
    for component in 2..16 {
        if component == 9 {
            continue;
        }
        let leaf = std::arch::x86_64::__cpuid_count(0xd, component);
        let (size, offset) = (leaf.eax as usize, leaf.ebx as usize);
        if size > 0 && present & 1 << component == 0 {
            v.0[offset..offset + size].fill(0);
        }
    }
    v
}

/// What differs between two outcomes, in words; empty if nothing does.
pub fn differences(native: &Outcome, translated: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(stop) = &translated.other {
        found.push(format!("translated code stopped with {stop:?}"));
        return found;
    }
    if (native.signal, native.code) != (translated.signal, translated.code) {
        found.push(format!(
            "signal {}/{} natively, {}/{} translated",
            native.signal, native.code, translated.signal, translated.code
        ));
    }
    if native.address != translated.address && native.signal != libc::SIGTRAP {
        found.push(format!(
            "address {:#x}, {:#x}",
            native.address, translated.address
        ));
    }
    let (mut a, mut b) = (native.registers, translated.registers);
    let mask = 0x24_4dd5 & !translated.dead_flags & !native.dead_flags;
    a.rflags &= mask;
    b.rflags &= mask;
    if a != b {
        found.push(format!("registers\n  {a:x?}\n  {b:x?}"));
    }
    if native.data != translated.data {
        let at = native
            .data
            .iter()
            .zip(&translated.data)
            .position(|(x, y)| x != y)
            .unwrap_or(0);
        let end = (at + 16).min(native.data.len());
        found.push(format!(
            "memory at data + {at:#x}: {:02x?}, {:02x?}",
            &native.data[at..end],
            &translated.data[at..end]
        ));
    }
    let (v, w) = (normalise(&native.vectors), normalise(&translated.vectors));
    if v.0 != w.0 {
        let at = v.0.iter().zip(&w.0).position(|(x, y)| x != y).unwrap_or(0);
        let end = (at + 16).min(v.0.len());
        found.push(format!(
            "vector state at byte {at}: {:02x?}, {:02x?}",
            &v.0[at..end],
            &w.0[at..end]
        ));
    }
    found
}
