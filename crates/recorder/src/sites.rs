//! Non-deterministic instructions: an `int3` on each known site, and what happens when one is hit.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_interpose::breakpoints::{self, Breakpoint};
use reenact_interpose::instruction::{fallback, length, Destination, LOOK};
use reenact_interpose::transaction;
use reenact_trace::arena::mechanism;
use reenact_trace::event::instruction;
use reenact_trace::site::InstructionSite;
use reenact_trace::{EventKind, FileId, Registers, Tag};

use crate::log::Builder;
use crate::signal::SIGTRAP;
use crate::thread::{self, Thread};
use crate::{arena, cpuid, guest, refused, state_store, suspects, time_stamps, unknown_code};

/// Ask the supervisor to look for sites in a kept file, once per recording, and wait.
pub fn ensure_scanned(index: usize) {
    let entry = arena::file(index);
    if entry.sites_ready.load(Ordering::Acquire) == 1 {
        return;
    }
    if entry
        .sites_ready
        .compare_exchange(0, 2, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
    {
        arena::ring_doorbell();
    }
    let timeout = [0u64, arena::LOOK_AGAIN_NS];
    // A long file on a busy machine takes its time; a dead supervisor takes none.
    while entry.sites_ready.load(Ordering::Acquire) == 2 && arena::header().has_reader() {
        let word = &raw const entry.sites_ready as u64;
        // SAFETY: a futex word in shared memory and a timespec of ours.
        unsafe { syscall4(FUTEX, word, FUTEX_WAIT, 2, timeout.as_ptr() as u64) };
    }
}

/// Put `int3` on the sites of file `id` that lie in a mapping just made, and log where.
pub fn apply(event: &mut Builder, id: FileId, at: u64, length: u64, offset: u64, protection: u64) {
    let entry = arena::file(id.0 as usize);
    if entry.sites_ready.load(Ordering::Acquire) != 1 || entry.site_count == 0 {
        return;
    }
    let (mut writable, mut has_left) = (false, false);
    let mut placed = Addresses::new(Tag::Breakpoints);
    let mut suspected = Addresses::new(Tag::Suspects);
    for index in 0..entry.site_count {
        let site = arena::site((entry.sites + index) as usize);
        let Some(site) = InstructionSite::from_word(site) else {
            continue;
        };
        if site.file_offset < offset || site.file_offset >= offset + length {
            continue;
        }
        if site.kind == instruction::INT80 && !int80_passes(at) {
            continue;
        }
        let is_left = arena::header().leaves_code != 0 && site.kind != instruction::INT80;
        has_left |= is_left;
        if !site.is_proven || is_left {
            // It may be data, which must stay as it is.
            let is_watched =
                !instruction::stores_state(site.kind) && site.kind != instruction::INT80;
            let address = at + (site.file_offset - offset);
            if protection & PROT_WRITE == 0 && is_watched {
                suspects::add(address, site.kind);
            }
            if protection & PROT_WRITE == 0 && (is_watched || is_left) {
                suspected.add(event, address);
            }
            continue;
        }
        if !writable {
            // SAFETY: the mapping is private, the change stays in this process.
            unsafe { syscall3(MPROTECT, at, length, protection | PROT_READ | PROT_WRITE) };
            writable = true;
        }
        let address = at + (site.file_offset - offset);
        if breakpoints::place(address, site.kind) {
            placed.add(event, address);
        }
    }
    placed.log(event);
    suspected.log(event);
    if has_left {
        leave_to_processor(event);
    }
    if writable {
        // SAFETY: back to what the program asked for.
        unsafe { syscall3(MPROTECT, at, length, protection) };
    }
}

/// Nothing stands in the place of instructions: the processor is to trap them, as in code that nobody has looked at.
fn leave_to_processor(event: &mut Builder) {
    time_stamps::are_used();
    unknown_code::is_made(thread::current(), event);
}

/// Whether a call by `int 0x80` from code mapped here does not trap: a filter, which 32-bit programs inherit, lets those pass
/// that come from where their code is.
fn int80_passes(at: u64) -> bool {
    arena::header().mechanism == mechanism::SECCOMP && at <= u64::from(u32::MAX)
}

/// Addresses on their way into an event, some in each attachment.
struct Addresses {
    tag: Tag,
    words: [u64; 64],
    count: usize,
}

impl Addresses {
    fn new(tag: Tag) -> Addresses {
        Addresses {
            tag,
            words: [0; 64],
            count: 0,
        }
    }

    fn add(&mut self, event: &mut Builder, address: u64) {
        self.words[self.count] = address;
        self.count += 1;
        if self.count == self.words.len() {
            self.log(event);
        }
    }

    fn log(&mut self, event: &mut Builder) {
        let words = &self.words[..core::mem::take(&mut self.count)];
        if words.is_empty() {
            return;
        }
        // SAFETY: words are bytes.
        let bytes = unsafe {
            core::slice::from_raw_parts(words.as_ptr().cast(), core::mem::size_of_val(words))
        };
        event.bytes(self.tag, 0, bytes);
    }
}

/// The instruction under a breakpoint: its first bytes, and its length. `None`: it goes on where no memory is.
fn code(site: &Breakpoint) -> Option<([u8; LOOK], u64)> {
    let mut code = [0u8; LOOK];
    // Near the end of a mapping there may be fewer bytes.
    let available = (1..=code.len())
        .rev()
        .find(|&count| guest::read(site.address, &mut code[..count]))?;
    code[0] = site.original;
    let length = length(&code, site.kind);
    (length <= available as u64).then_some((code, length))
}

/// The site whose `int3` this thread has executed.
fn hit(thread: &Thread) -> Option<Breakpoint> {
    const BREAKPOINT: u64 = 3;
    if thread.fault.number != SIGTRAP || thread.fault_context[1] != BREAKPOINT {
        return None;
    }
    breakpoints::executed(thread.frame.registers.rip)
}

/// What a fault that has reached the recorder was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// The program's own affair.
    Programs,
    /// An instruction that we have performed and logged.
    Performed,
    /// One that the processor comes to as it was written.
    Restored,
    /// An `int 0x80`, behind which the program stands.
    Int80,
    /// A place where loops wait for other threads; the thread stands behind the breakpoint there.
    Waiting(Breakpoint),
}

/// A fault reached the recorder: if it is one of our `int3`s or a refused instruction, perform the
/// instruction, log it and step over it.
#[inline(never)]
pub fn on_trap(thread: &mut Thread) -> Trap {
    let known = hit(thread).or_else(|| refused::instruction(thread));
    let Some(site) = known.or_else(|| suspects::executed(thread)) else {
        return Trap::Programs;
    };
    let address = site.address;
    if instruction::stores_state(site.kind) {
        return store(thread, &site);
    }
    if site.kind == instruction::WAIT {
        return Trap::Waiting(site);
    }
    if site.kind == instruction::XBEGIN {
        return begin_transaction(thread, &site);
    }
    if site.kind == instruction::INT80 {
        const LENGTH: u64 = 2;
        thread.frame.registers.rip = address + LENGTH;
        return Trap::Int80;
    }
    if matches!(site.kind, instruction::RDTSC | instruction::RDTSCP) {
        if thread.time_stamps_refused {
            // The processor says so.
            thread.frame.registers.rip = address;
            return restore(&site);
        }
        time_stamps::allow(thread);
    }
    let registers = &mut thread.frame.registers;
    registers.rip = address;
    let can_perform = processor_has(site.kind, registers.rcx as u32);
    let Some((code, length)) = code(&site).filter(|_| can_perform) else {
        // The processor has to say so.
        suspects::proven(address);
        return restore(&site);
    };
    let checksum = registers.checksum();
    perform(registers, &site, &code);
    let after = *registers;
    let mut event = Builder::new(EventKind::Instruction, site.kind);
    event.header.ip = address;
    event.header.register_checksum = checksum;
    event.header.args = [after.rax, after.rbx, after.rcx, after.rdx, after.rflags, 0];
    // The destination of rdrand and its like may be any register.
    if let Some(destination) = Destination::decode(&code) {
        event.header.args[5] = *thread.frame.registers.by_number(destination.register);
    }
    let may_stand = arena::header().leaves_code == 0;
    if known.is_none() && may_stand && breakpoints::insert(address, site.kind) {
        let mut placed = Addresses::new(Tag::Breakpoints);
        placed.add(&mut event, address);
        placed.log(&mut event);
        suspects::proven(address);
    }
    event.commit();
    thread.frame.registers.rip = address + length;
    time_stamps::take_turn(thread);
    Trap::Performed
}

/// Let the thread, which is at the site, execute what was there.
pub fn restore(site: &Breakpoint) -> Trap {
    if site.remove() {
        Trap::Restored
    } else {
        Trap::Programs
    }
}

/// The thread is at a fault that the program has asked for (PR_SET_TSC): the instruction there is its own again.
#[cold]
pub fn log_refused(thread: &Thread, event: &mut Builder) {
    let address = thread.frame.registers.rip;
    let mut code = [0u8; 2];
    if thread.fault.number == SIGSEGV && guest::read(address, &mut code) {
        let [first @ 0x0f, 0x31 | 0x01] = code else {
            return;
        };
        event.bytes(Tag::Patch, address, &[first, first]);
    }
}

/// An instruction that stores state components; where that cannot be done for the program, as its operand
/// is bad, the processor comes to the original instruction.
fn store(thread: &mut Thread, site: &Breakpoint) -> Trap {
    let next = state_store::perform(&thread.frame, site.kind, site.address, site.original);
    let trap = if next.is_some() {
        Trap::Performed
    } else {
        restore(site)
    };
    if trap != Trap::Programs {
        thread.frame.registers.rip = next.unwrap_or(site.address);
    }
    trap
}

/// `xbegin`: the transaction is aborted at once, without a reason (Intel SDM volume 1, 16.3.5), as any may be. What
/// becomes of one depends on interrupts and caches, and none can hold a system call of ours. A processor without
/// transactions comes to the instruction and refuses it; one that has them switched off aborts them, too.
fn begin_transaction(thread: &mut Thread, site: &Breakpoint) -> Trap {
    let registers = &mut thread.frame.registers;
    registers.rip = site.address;
    let known = code(site).and_then(|(code, _)| fallback(&code));
    let Some((displacement, length)) = known.filter(|_| transaction::can_begin()) else {
        return restore(site);
    };
    let mut event = Builder::new(EventKind::Instruction, site.kind);
    event.header.ip = site.address;
    event.header.register_checksum = registers.checksum();
    registers.rax = 0;
    registers.rip = (site.address + length).wrapping_add_signed(displacement);
    let r = *registers;
    event.header.args = [r.rax, r.rbx, r.rcx, r.rdx, r.rflags, r.rip];
    event.commit();
    Trap::Performed
}

/// Whether an instruction that the program has come to is one of this processor's, with this value in `ecx` (Intel SDM
/// volume 2): else it faults.
fn processor_has(kind: u16, ecx: u32) -> bool {
    /// What has been asked, of which CPUID is not asked again: 1 more than the answers.
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    let bits = match KNOWN.load(Ordering::Relaxed).checked_sub(1) {
        Some(bits) => bits,
        None => {
            let highest = cpuid::ask(0, 0).eax;
            let first = cpuid::ask(1, 0).ecx;
            let extended = cpuid::ask(7.min(highest), 0);
            let has_extended = u32::from(highest >= 7);
            let found = [
                first >> 27,
                u32::from(highest >= 0xd) & cpuid::ask(0xd.min(highest), 1).eax >> 2,
                first >> 30,
                has_extended & extended.ebx >> 18,
                has_extended & extended.ecx >> 22,
                cpuid::ask(0x8000_0001, 0).edx >> 27,
            ];
            let bits = found
                .iter()
                .enumerate()
                .fold(0, |bits, (place, found)| bits | (found & 1) << place);
            KNOWN.store(bits + 1, Ordering::Relaxed);
            bits
        }
    };
    let place = match kind {
        // Of its registers there are two.
        instruction::XGETBV if ecx < 2 => ecx,
        instruction::XGETBV => return false,
        instruction::RDRAND => 2,
        instruction::RDSEED => 3,
        instruction::RDPID => 4,
        instruction::RDTSCP => 5,
        _ => return true,
    };
    bits >> place & 1 != 0
}

fn perform(registers: &mut Registers, site: &Breakpoint, code: &[u8; LOOK]) {
    let r = &mut *registers;
    match site.kind {
        instruction::CPUID => {
            let leaf = cpuid::ask(r.rax as u32, r.rcx as u32);
            r.rax = u64::from(leaf.eax);
            r.rbx = u64::from(leaf.ebx);
            r.rcx = u64::from(leaf.ecx);
            r.rdx = u64::from(leaf.edx);
        }
        instruction::RDTSC | instruction::RDTSCP => {
            let (low, high, aux): (u32, u32, u32);
            // SAFETY: reads counters; the site proves the CPU has the instruction.
            unsafe {
                if site.kind == instruction::RDTSC {
                    asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack));
                    aux = r.rcx as u32;
                } else {
                    asm!("rdtscp", out("eax") low, out("edx") high, out("ecx") aux,
                         options(nomem, nostack));
                }
            }
            r.rax = u64::from(low);
            r.rdx = u64::from(high);
            if site.kind == instruction::RDTSCP {
                r.rcx = u64::from(aux);
            }
        }
        instruction::XGETBV => {
            let (low, high): (u32, u32);
            // SAFETY: the program would execute it with the same ecx here.
            unsafe {
                asm!("xgetbv", in("ecx") r.rcx as u32, out("eax") low, out("edx") high,
                     options(nomem, nostack));
            }
            r.rax = u64::from(low);
            r.rdx = u64::from(high);
        }
        _ => random(registers, site, code),
    }
}

/// `rdrand`, `rdseed` and `rdpid`: one destination register of 2, 4 or 8 bytes.
fn random(registers: &mut Registers, site: &Breakpoint, code: &[u8; LOOK]) {
    let Some(Destination { size, register, .. }) = Destination::decode(code) else {
        return;
    };
    let value: u64;
    let mut carry: u8 = 0;
    // SAFETY: the site proves the CPU has the instruction.
    unsafe {
        match site.kind {
            instruction::RDRAND => {
                asm!("rdrand {0}", "setc {1}", out(reg) value, out(reg_byte) carry,
                     options(nomem, nostack));
            }
            instruction::RDSEED => {
                asm!("rdseed {0}", "setc {1}", out(reg) value, out(reg_byte) carry,
                     options(nomem, nostack));
            }
            _ => asm!("rdpid {0}", out(reg) value, options(nomem, nostack)),
        }
    }
    let destination = registers.by_number(register);
    *destination = match size {
        2 => *destination & !0xffff | value & 0xffff,
        4 if site.kind != instruction::RDPID => value & 0xffff_ffff,
        _ => value,
    };
    if site.kind != instruction::RDPID {
        // CF says success; OF SF ZF AF PF are cleared (Intel SDM, RDRAND).
        registers.rflags = registers.rflags & !0x8d5 | u64::from(carry);
    }
}
