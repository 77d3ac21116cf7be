//! Runs one call in patterned memory and compares.

use reenact_syscalls::{lookup, Before, Memory, Sink};
use std::arch::asm;
use std::collections::BTreeSet;

/// A system call, straight to the kernel: the result or `-errno`.
pub fn sys(number: u64, args: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: a system call; the tests pass addresses of the arena or of live values only.
    unsafe {
        asm!("syscall", inlateout("rax") number as i64 => result,
             in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
             in("r10") args[3], in("r8") args[4], in("r9") args[5],
             lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// A call that a case needs to succeed before the call it checks.
pub fn need(number: u64, args: [u64; 6]) -> u64 {
    let result = sys(number, args);
    assert!(
        result >= 0,
        "preparing: call {number} {args:x?} failed: {result}"
    );
    result as u64
}

/// Pads arguments with zeros.
pub fn args<const N: usize>(given: [u64; N]) -> [u64; 6] {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&given);
    all
}

/// What a case expects of the call.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// It succeeds.
    Success,
    /// This error.
    Error(i64),
    /// It may lack permission here, or the kernel may lack it.
    Any,
}

const SLOT: usize = 0x4000;
const SLOTS: usize = 24;

/// Patterned memory in slots of 16 KiB.
pub struct Arena {
    base: u64,
}

impl Arena {
    fn new() -> Arena {
        let base = need(9, [0, (SLOT * SLOTS) as u64, 3, 0x22, u64::MAX, 0]);
        Arena { base }
    }

    /// Address in the middle of a slot, so that there is pattern before it too.
    pub fn slot(&self, slot: usize) -> u64 {
        assert!(slot < SLOTS);
        self.base + (slot * SLOT + SLOT / 4) as u64
    }

    pub fn put(&mut self, address: u64, bytes: &[u8]) -> u64 {
        let offset = (address - self.base) as usize;
        self.bytes()[offset..offset + bytes.len()].copy_from_slice(bytes);
        address
    }

    /// A NUL-terminated string in a slot.
    pub fn text(&mut self, slot: usize, text: &str) -> u64 {
        let address = self.slot(slot);
        self.put(address, text.as_bytes());
        self.put(address + text.len() as u64, &[0]);
        address
    }

    /// 32-bit words in a slot.
    pub fn words(&mut self, slot: usize, words: &[u32]) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let address = self.slot(slot);
        self.put(address, &bytes)
    }

    /// 64-bit words in a slot.
    pub fn longs(&mut self, slot: usize, longs: &[u64]) -> u64 {
        let bytes: Vec<u8> = longs.iter().flat_map(|long| long.to_le_bytes()).collect();
        let address = self.slot(slot);
        self.put(address, &bytes)
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped readable and writable, never unmapped, borrowed through &mut self.
        unsafe { std::slice::from_raw_parts_mut(self.base as *mut u8, SLOT * SLOTS) }
    }
}

/// Reads this process through the kernel, so bad addresses are harmless.
struct OwnMemory;

impl Memory for OwnMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let local = [into.as_mut_ptr() as u64, into.len() as u64];
        let remote = [address, into.len() as u64];
        let pid = std::process::id() as u64;
        let read = sys(
            310,
            [pid, local.as_ptr() as u64, 1, remote.as_ptr() as u64, 1, 0],
        );
        read == into.len() as i64
    }
}

#[derive(Default)]
struct Reported(Vec<(u64, u64)>);

impl Sink for Reported {
    fn output(&mut self, address: u64, length: u64) {
        self.0.push((address, length));
    }
}

/// Runs cases and collects what went wrong.
pub struct Runner {
    arena: Arena,
    cases: usize,
    numbers: BTreeSet<u64>,
    not_possible: Vec<String>,
    failures: Vec<String>,
}

impl Runner {
    pub fn new() -> Runner {
        Runner {
            arena: Arena::new(),
            cases: 0,
            numbers: BTreeSet::new(),
            not_possible: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Run `number` twice, over two patterns; `prepare` writes the inputs and gives the arguments.
    pub fn case(
        &mut self,
        title: &str,
        number: u64,
        expect: Expect,
        prepare: impl FnMut(&mut Arena) -> [u64; 6],
    ) {
        self.case_within(title, number, expect, 16, prepare);
    }

    /// The same, where up to `slack` times the changed bytes may be reported.
    pub fn case_within(
        &mut self,
        title: &str,
        number: u64,
        expect: Expect,
        slack: usize,
        mut prepare: impl FnMut(&mut Arena) -> [u64; 6],
    ) {
        let call = lookup(number).expect("the case names a call of the table");
        let title = format!("{} ({title})", call.name);
        let mut changed_bytes = 0;
        let mut reported_bytes = 0;
        for pattern in [0xa5u8, 0x5a] {
            self.arena.bytes().fill(pattern);
            let args = prepare(&mut self.arena);
            let before = self.arena.bytes().to_vec();
            let saved = match Before::capture(call, &args, &OwnMemory) {
                Ok(saved) => saved,
                Err(refusal) => return self.failures.push(format!("{title}: {refusal}")),
            };
            let result = sys(number, args);
            if matches!(number, 56 | 435) && result == 0 {
                // The child of a clone has seen enough.
                sys(231, [0; 6]);
            }
            let as_expected = match expect {
                Expect::Success => result >= 0,
                Expect::Error(errno) => result == -errno,
                Expect::Any => true,
            };
            if !as_expected {
                return self
                    .failures
                    .push(format!("{title}: result {result}, expected {expect:?}"));
            }
            if matches!(expect, Expect::Any) && result < 0 {
                self.not_possible.push(format!("{title}: result {result}"));
            }
            let after = self.arena.bytes().to_vec();
            let mut reported = Reported::default();
            saved.outputs(call, &args, result, &OwnMemory, &mut reported);
            let base = self.arena.base;
            let covered = |index: usize| {
                let address = base + index as u64;
                reported
                    .0
                    .iter()
                    .any(|&(start, length)| address >= start && address - start < length)
            };
            // Whole blocks are compared first: most are equal, and tests are not optimised.
            const BLOCK: usize = 256;
            let changed: Vec<usize> = (0..before.len())
                .step_by(BLOCK)
                .filter(|&at| before[at..at + BLOCK] != after[at..at + BLOCK])
                .flat_map(|at| at..at + BLOCK)
                .filter(|&index| before[index] != after[index])
                .collect();
            if let Some(&missed) = changed.iter().find(|&&index| !covered(index)) {
                self.failures.push(format!(
                    "{title}: result {result}: byte {:#x} of slot {} changed, reported were {:x?} \
                     (arena at {:#x})",
                    missed % SLOT - SLOT / 4,
                    missed / SLOT,
                    reported.0,
                    base
                ));
                return;
            }
            changed_bytes += changed.len();
            let arena = base..base + (SLOT * SLOTS) as u64;
            let inside = reported.0.iter().filter(|(start, _)| arena.contains(start));
            reported_bytes += inside.map(|(_, length)| *length as usize).sum::<usize>();
        }
        if reported_bytes > 128 + slack * changed_bytes {
            self.failures.push(format!(
                "{title}: {reported_bytes} bytes reported, {changed_bytes} changed: too many"
            ));
        }
        self.cases += 1;
        self.numbers.insert(number);
    }

    /// Report; at least `least` different calls must have been tried.
    pub fn finish(self, least: usize) {
        println!(
            "{} cases of {} system calls",
            self.cases,
            self.numbers.len()
        );
        let untried: Vec<_> = reenact_syscalls::all()
            .filter(|call| !call.outputs.is_empty())
            .filter(|call| !self.numbers.contains(&u64::from(call.number)))
            .map(|call| call.name)
            .collect();
        println!("no case: {}", untried.join(", "));
        for line in &self.not_possible {
            println!("failed here, so only its failure was checked: {line}");
        }
        assert!(self.failures.is_empty(), "\n{}", self.failures.join("\n"));
        assert!(
            self.numbers.len() >= least,
            "only {} system calls",
            self.numbers.len()
        );
    }
}

/// A path for a scratch file of this process.
pub fn scratch(name: &str) -> String {
    std::env::temp_dir()
        .join(format!("reenact-syscalls-{}-{name}", std::process::id()))
        .to_str()
        .expect("the temporary directory has a UTF-8 name")
        .to_owned()
}

/// Opens a scratch file with some content, for reading and writing.
pub fn scratch_file(name: &str, content: &[u8]) -> u64 {
    use std::os::fd::IntoRawFd;
    let path = scratch(name);
    std::fs::write(&path, content).expect("the temporary directory is writable");
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path);
    let fd = file.expect("just written").into_raw_fd() as u64;
    std::fs::remove_file(&path).expect("just written");
    fd
}

/// A pipe: read end, write end.
pub fn pipe() -> (u64, u64) {
    let mut fds = [0i32; 2];
    need(293, args([fds.as_mut_ptr() as u64, 0]));
    (fds[0] as u64, fds[1] as u64)
}

/// Writes bytes to a descriptor.
pub fn write(fd: u64, bytes: &[u8]) {
    assert_eq!(
        need(1, args([fd, bytes.as_ptr() as u64, bytes.len() as u64])),
        bytes.len() as u64
    );
}

extern "C" fn on_signal(_signal: i32) {}

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn siginterrupt(number: i32, flag: i32) -> i32;
}

/// Sends this thread a signal with a handler (without SA_RESTART), 30 ms from now.
pub fn interrupt_soon() {
    const SIGUSR1: i32 = 10;
    // SAFETY: the handler does nothing, so it may run anywhere.
    unsafe {
        signal(SIGUSR1, on_signal);
        siginterrupt(SIGUSR1, 1);
    }
    let tid = need(186, args([]));
    let pid = u64::from(std::process::id());
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(30));
        need(234, args([pid, tid, SIGUSR1 as u64]));
    });
}
