//! The steps of attaching.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;

use libc::{c_long, pid_t, user_regs_struct};
use reenact_trace::attaching::{
    step, AttachedThread, Attaching, Mapping, MAPPINGS_ADDRESS, ROOM_ADDRESS, SIZE,
};
use reenact_trace::layout::{ATTACHING_ADDRESS, REGION_END, REGION_START};
use reenact_trace::Registers;

use super::error::AttachError;
use super::image::{self, Recorder, Segment};
use super::restarting::{aborted, continued, is_cut};
use super::target::{Mapped, Others, Target};
use super::tracee::Tracee;
use super::{passing, Passed};

const PAGE: u64 = 4096;
/// The end of the stack on which the recorder runs while it takes threads over.
const STACK: u64 = ATTACHING_ADDRESS + SIZE - 64;
/// Most threads: the recorder has room for a few more (`thread::MOST`).
const MOST_THREADS: usize = 4_000;
/// Longest way out of a function of the vDSO, in instructions.
const MOST_STEPS: usize = 10_000;
/// What the kernel leaves free below a stack (stack_guard_gap).
const STACK_GAP: u64 = 256 * PAGE;
/// The signals that an instruction raises: ILL, TRAP, BUS, FPE, SEGV, SYS.
const SYNCHRONOUS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;
/// Bytes received with the descriptors: `struct msghdr`, `struct iovec`, a byte, and the control message.
const MESSAGE: [u64; 3] = [ROOM_ADDRESS, ROOM_ADDRESS + 64, ROOM_ADDRESS + 96];
const CONTROL: u64 = ROOM_ADDRESS + 128;

/// A thread, and how it was.
struct Held {
    tracee: Tracee,
    before: user_regs_struct,
    continued: user_regs_struct,
    mask: u64,
    /// It was stopped in a call, which is made once more.
    is_in_call: bool,
    /// The end of the recorder's stack for it.
    stack: u64,
}

/// Put the recorder into a process and let its threads go on in it. The arena is filled in for its slot 0.
///
/// # Errors
/// The process goes on as if nothing had been.
pub fn attach(pid: pid_t, passed: &Passed<'_>) -> Result<(), AttachError> {
    let target = Target::new(pid)?;
    target.check()?;
    let recorder = image::read(passed.recorder)
        .map_err(|error| failed(pid, "the recorder cannot be read", error))?;
    let memory = OpenOptions::new()
        .read(true)
        .write(true)
        .open(target.path("mem"))
        .map_err(|error| AttachError::NotPermitted { pid, error })?;
    let mappings = target
        .mappings()
        .map_err(|error| AttachError::NotPermitted { pid, error })?;
    // All processes are looked at, which takes a while: before it is held.
    let others = if mappings.iter().any(Mapped::is_changeable) {
        Others::of(pid)
    } else {
        Others::none()
    };
    target.check_memory(&mappings, &others)?;
    let held = hold_all(pid, &target)?;
    let mut process = Process {
        pid,
        target,
        memory,
        held,
        site: 0,
        is_mapped: false,
    };
    match process.prepare(passed, &recorder, &others) {
        Ok(()) => process.let_go(&recorder),
        Err(error) => {
            process.give_back();
            Err(error)
        }
    }
}

fn failed(pid: pid_t, what: &'static str, error: io::Error) -> AttachError {
    AttachError::Failed { pid, what, error }
}

/// Seize and stop all threads, those too that are made meanwhile.
fn hold_all(pid: pid_t, target: &Target) -> Result<Vec<Held>, AttachError> {
    let mut held: Vec<Held> = Vec::new();
    loop {
        let threads = target.threads().unwrap_or_default();
        let new: Vec<pid_t> = threads
            .into_iter()
            .filter(|tid| held.iter().all(|one| one.tracee.tid != *tid))
            .collect();
        if new.is_empty() {
            break;
        }
        for tid in new {
            match hold(tid) {
                Ok(one) => held.push(one),
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) && tid != pid => {}
                Err(_) if tid != pid && target.has_ended(tid) => {}
                Err(error) => {
                    for one in &held {
                        drop(one.tracee.detach());
                    }
                    return Err(match error.raw_os_error() {
                        Some(libc::ETIMEDOUT) => AttachError::DoesNotStop { pid },
                        Some(libc::EPERM) => AttachError::NotPermitted { pid, error },
                        Some(libc::ESRCH) => AttachError::NoProcess { pid },
                        _ => failed(pid, "it could not be stopped", error),
                    });
                }
            }
        }
    }
    Ok(held)
}

fn hold(tid: pid_t) -> io::Result<Held> {
    let tracee = Tracee::seize(tid)?;
    let before = tracee.registers()?;
    let mask = tracee.signal_mask()?;
    Ok(Held {
        tracee,
        before,
        continued: continued(before),
        mask,
        is_in_call: is_cut(&before),
        stack: 0,
    })
}

struct Process {
    pid: pid_t,
    target: Target,
    memory: File,
    held: Vec<Held>,
    /// Where a `syscall` is.
    site: u64,
    /// Something of ours is mapped.
    is_mapped: bool,
}

impl Process {
    fn prepare(
        &mut self,
        passed: &Passed<'_>,
        recorder: &Recorder,
        others: &Others,
    ) -> Result<(), AttachError> {
        let pid = self.pid;
        let mappings = self
            .target
            .mappings()
            .map_err(|error| failed(pid, "its mappings cannot be read", error))?;
        self.target.check_memory(&mappings, others)?;
        // One that waits for the end of its vfork child is held when that is over.
        if let Some(of) = self.target.companion() {
            return Err(AttachError::Companion { pid, of });
        }
        // Those that are taken over already could not be given back.
        if self.held.len() > MOST_THREADS {
            return Err(AttachError::Refused {
                pid,
                what: "has more than 4,000 threads, of which no more are recorded",
            });
        }
        if self.held.iter().any(|one| one.before.cs != 0x33) {
            return Err(AttachError::Refused {
                pid,
                what: "runs 32-bit code",
            });
        }
        let vdso = mappings.iter().find(|mapped| mapped.name == b"[vdso]");
        let Some(vdso) = vdso.cloned() else {
            return Err(AttachError::Refused {
                pid,
                what: "has no vDSO, without which no system call of it is to be had",
            });
        };
        let step = |what: &'static str| move |error: io::Error| failed(pid, what, error);
        self.leave_vdso(&vdso)
            .map_err(step("a thread stays in the vDSO"))?;
        self.find_site(&vdso)
            .map_err(step("no system call is to be found in it"))?;
        for one in &self.held {
            one.tracee
                .set_signal_mask(!SYNCHRONOUS)
                .map_err(step("its signals cannot be held back"))?;
        }
        self.map_recorder(passed, recorder, &mappings)
            .map_err(step("the recorder cannot be mapped into it"))?;
        self.take_over(passed, recorder, &mappings, &vdso)
            .map_err(step("the recorder cannot take it over"))
    }

    fn main(&self) -> &Tracee {
        &self.held[0].tracee
    }

    fn call(&self, number: c_long, arguments: [u64; 6]) -> io::Result<u64> {
        let result = self.main().call(self.site, number, arguments)?;
        if (-4095..0).contains(&result) {
            return Err(io::Error::from_raw_os_error(-result as i32));
        }
        Ok(result as u64)
    }

    /// The code of the vDSO is about to move: nobody is to be in it.
    fn leave_vdso(&mut self, vdso: &Mapped) -> io::Result<()> {
        let is_inside =
            |registers: &user_regs_struct| (vdso.start..vdso.end).contains(&registers.rip);
        for one in &mut self.held {
            let mut steps = 0;
            while is_inside(&one.continued) {
                if steps == 0 {
                    one.tracee.set_registers(&one.continued)?;
                }
                one.tracee.step()?;
                one.before = one.tracee.registers()?;
                one.continued = continued(one.before);
                steps += 1;
                if steps == MOST_STEPS {
                    return Err(io::Error::from_raw_os_error(libc::EBUSY));
                }
            }
        }
        Ok(())
    }

    fn find_site(&mut self, vdso: &Mapped) -> io::Result<()> {
        let mut code = vec![0u8; (vdso.end - vdso.start) as usize];
        self.memory.read_exact_at(&mut code, vdso.start)?;
        let at = code.windows(2).position(|bytes| bytes == [0x0f, 0x05]);
        let at = at.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        self.site = vdso.start + at as u64;
        Ok(())
    }

    fn map(
        &self,
        start: u64,
        length: u64,
        protection: u32,
        file: Option<(u64, u64)>,
    ) -> io::Result<()> {
        let (fd, offset) = file.unwrap_or((u64::MAX, 0));
        let anonymous = if file.is_some() {
            0
        } else {
            libc::MAP_ANONYMOUS
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | anonymous;
        let arguments = [start, length, protection.into(), flags as u64, fd, offset];
        let result = self.call(libc::SYS_mmap, arguments)?;
        if result != start {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        Ok(())
    }

    fn map_recorder(
        &mut self,
        passed: &Passed<'_>,
        recorder: &Recorder,
        mappings: &[Mapped],
    ) -> io::Result<()> {
        let told: u64 = mappings
            .iter()
            .map(|one| Mapping::total_size(path_length(one)))
            .sum();
        let size = SIZE + told.next_multiple_of(PAGE);
        let read_write = (libc::PROT_READ | libc::PROT_WRITE) as u32;
        self.is_mapped = true;
        self.map(ATTACHING_ADDRESS, size, read_write, None)?;
        self.pass_descriptors(passed)?;
        let descriptor = passed.numbers.recorder as u64;
        for segment in &recorder.segments {
            self.map_segment(segment, descriptor)?;
        }
        Ok(())
    }

    fn map_segment(&self, segment: &Segment, descriptor: u64) -> io::Result<()> {
        let &Segment {
            start,
            of_file,
            offset,
            file_end,
            end,
            protection,
        } = segment;
        let mapped_end = start + of_file;
        if of_file > 0 {
            self.map(start, of_file, protection, Some((descriptor, offset)))?;
            if protection & libc::PROT_WRITE as u32 != 0 && file_end < mapped_end {
                let zeros = vec![0u8; (mapped_end - file_end) as usize];
                self.memory.write_all_at(&zeros, file_end)?;
            }
        }
        if end > mapped_end {
            self.map(mapped_end, end - mapped_end, protection, None)?;
        }
        Ok(())
    }

    /// Give it our descriptors, by the numbers that are hidden from its program.
    fn pass_descriptors(&self, passed: &Passed<'_>) -> io::Result<()> {
        let stream = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        let pair = [libc::AF_UNIX as u64, stream as u64, 0, ROOM_ADDRESS, 0, 0];
        self.call(libc::SYS_socketpair, pair)?;
        let mut numbers = [0u8; 8];
        self.memory.read_exact_at(&mut numbers, ROOM_ADDRESS)?;
        let [its, ours] = [0, 4].map(|at| {
            let bytes = [
                numbers[at],
                numbers[at + 1],
                numbers[at + 2],
                numbers[at + 3],
            ];
            u64::from(u32::from_le_bytes(bytes))
        });
        let given = self.receive(its, ours, passed);
        for socket in [its, ours] {
            self.call(libc::SYS_close, [socket, 0, 0, 0, 0, 0])?;
        }
        let numbers = &passed.numbers;
        let wanted = [numbers.recorder, numbers.arena, numbers.trace];
        for (from, to) in given?.into_iter().zip(wanted) {
            self.call(libc::SYS_dup3, [u64::from(from), to as u64, 0, 0, 0, 0])?;
            self.call(libc::SYS_close, [u64::from(from), 0, 0, 0, 0, 0])?;
        }
        Ok(())
    }

    fn receive(&self, its: u64, ours: u64, passed: &Passed<'_>) -> io::Result<[u32; 3]> {
        let socket = passing::take(self.pid, ours as i32)?;
        let files: [RawFd; 3] =
            [passed.recorder, passed.arena, passed.trace].map(AsRawFd::as_raw_fd);
        passing::send(&socket, &files)?;
        let [header, piece, byte] = MESSAGE;
        const CONTROL_SIZE: u64 = 64;
        let message = [0, 0, piece, 1, CONTROL, CONTROL_SIZE, 0];
        for (at, words) in [(header, &message[..]), (piece, &[byte, 1][..])] {
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|word: &u64| word.to_le_bytes())
                .collect();
            self.memory.write_all_at(&bytes, at)?;
        }
        self.call(libc::SYS_recvmsg, [its, header, 0, 0, 0, 0])?;
        // `struct cmsghdr`: length, level and type; then the descriptors.
        let mut control = [0u8; 16 + 12];
        self.memory.read_exact_at(&mut control, CONTROL)?;
        let length = u64::from(u32::from_le_bytes([
            control[0], control[1], control[2], control[3],
        ]));
        if length != control.len() as u64 {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        Ok([16, 20, 24].map(|at| {
            u32::from_le_bytes([
                control[at],
                control[at + 1],
                control[at + 2],
                control[at + 3],
            ])
        }))
    }

    fn take_over(
        &mut self,
        passed: &Passed<'_>,
        recorder: &Recorder,
        mappings: &[Mapped],
        vdso: &Mapped,
    ) -> io::Result<()> {
        let heap_start = self.target.heap_start();
        let heap_end = self.call(libc::SYS_brk, [0; 6])?;
        let told = told_mappings(mappings, heap_end, self.target.stack_limit());
        let bytes: Vec<u8> = told
            .iter()
            .flat_map(|(mapping, path)| {
                let mut bytes = mapping.as_bytes().to_vec();
                bytes.extend_from_slice(path);
                bytes.resize(bytes.len().next_multiple_of(8), 0);
                bytes
            })
            .collect();
        self.memory.write_all_at(&bytes, MAPPINGS_ADDRESS)?;
        for index in 0..self.held.len() {
            let thread = self.told_thread(index)?;
            let told = Attaching {
                arena: passed.numbers.arena as u64,
                heap: [heap_start, heap_end],
                vdso: vdso.start,
                mappings: told.len() as u64,
                thread,
            };
            self.memory
                .write_all_at(told.as_bytes(), ATTACHING_ADDRESS)?;
            let what = if index == 0 {
                step::PROCESS
            } else {
                step::THREAD
            };
            let result = self.held[index].tracee.run(recorder.entry, STACK, what)?;
            if (-4095..=0).contains(&result) {
                return Err(io::Error::from_raw_os_error(-result as i32));
            }
            self.held[index].stack = result as u64;
        }
        Ok(())
    }

    fn told_thread(&self, index: usize) -> io::Result<AttachedThread> {
        let one = &self.held[index];
        let restartable = one.tracee.restartable();
        let mut registers = registers(&one.continued);
        if let Some(section) = self.section(restartable[0]) {
            registers.rip = aborted(registers.rip, &section).unwrap_or(registers.rip);
        }
        Ok(AttachedThread {
            registers,
            xmm: one.tracee.vectors()?,
            mask: one.mask,
            restartable,
            is_in_call: one.is_in_call.into(),
        })
    }

    /// The restartable sequence that a thread has said it is in (`struct rseq`: `rseq_cs`).
    fn section(&self, at: u64) -> Option<[u64; 4]> {
        let word = |at: u64| {
            let mut bytes = [0u8; 8];
            self.memory.read_exact_at(&mut bytes, at).ok()?;
            Some(u64::from_le_bytes(bytes))
        };
        let section = (at != 0)
            .then(|| word(at + 8))
            .flatten()
            .filter(|&section| section != 0)?;
        let mut words = [0; 4];
        for (index, place) in words.iter_mut().enumerate() {
            *place = word(section + 8 * index as u64)?;
        }
        Some(words)
    }

    /// Let all threads go on in the recorder.
    fn let_go(&self, recorder: &Recorder) -> Result<(), AttachError> {
        for one in &self.held {
            let gone = one
                .tracee
                .jump(recorder.entry, one.stack - 64, step::GO)
                .and_then(|()| one.tracee.detach());
            // A thread that has been killed meanwhile is not missed.
            drop(gone);
        }
        Ok(())
    }

    /// Undo what was done, as far as there is somebody to do it for.
    fn give_back(&self) {
        if self.is_mapped {
            let size = REGION_END - REGION_START;
            drop(self.call(libc::SYS_munmap, [REGION_START, size, 0, 0, 0, 0]));
        }
        for one in &self.held {
            drop(one.tracee.set_signal_mask(one.mask));
            drop(one.tracee.set_registers(&one.before));
            drop(one.tracee.detach());
        }
    }
}

fn registers(from: &user_regs_struct) -> Registers {
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

/// What the recorder is told: all but what belongs to the kernel.
fn told_mappings(mappings: &[Mapped], heap_end: u64, stack: u64) -> Vec<(Mapping, Vec<u8>)> {
    let is_kernels = |name: &[u8]| name.starts_with(b"[v");
    let of_program = mappings.iter().filter(|one| !is_kernels(&one.name));
    let mut before = 0;
    let tell = |one: &Mapped| {
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
        let mut path = if length == 0 {
            Vec::new()
        } else {
            one.name.clone()
        };
        if length != 0 {
            path.push(0);
        }
        (mapping, path)
    };
    of_program.map(tell).collect()
}
