//! The steps of attaching.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use libc::{c_long, pid_t, user_regs_struct};
use reenact_trace::attaching::{step, AttachedThread, Attaching, MAPPINGS_ADDRESS, SIZE};
use reenact_trace::layout::{ATTACHING_ADDRESS, REGION_END, REGION_START};

use super::error::AttachError;
use super::held::{hold_all, Held};
use super::image::{self, Recorder};
use super::restarting::{aborted, continued, is_cut, named, CODE_BEFORE};
use super::target::{Mapped, Others, Target};
use super::tracee::Tracee;
use super::{telling, Passed};

/// The end of the stack on which the recorder runs while it takes threads over.
const STACK: u64 = ATTACHING_ADDRESS + SIZE - 64;
/// Most threads: the recorder has room for a few more (`thread::MOST`).
const MOST_THREADS: usize = 4_000;
/// Longest way out of a function of the vDSO, in instructions.
const MOST_STEPS: usize = 10_000;
/// The signals that an instruction raises: ILL, TRAP, BUS, FPE, SEGV, SYS.
const SYNCHRONOUS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;
/// Put the recorder into a process, which has been checked, and let its threads go on in it. The arena is filled in for its
/// slot 0.
///
/// # Errors
/// The process goes on as if nothing had been.
pub fn attach(target: Target, passed: &Passed<'_>) -> Result<(), AttachError> {
    let pid = target.pid();
    let recorder = image::read(passed.recorder)
        .map_err(|error| failed(pid, "the recorder cannot be read", error))?;
    let memory = OpenOptions::new()
        .read(true)
        .write(true)
        .open(target.path("mem"))
        .map_err(|error| AttachError::NotPermitted { pid, error })?;
    let mappings = target
        .mappings("maps")
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

pub(super) struct Process {
    pub(super) pid: pid_t,
    target: Target,
    pub(super) memory: File,
    held: Vec<Held>,
    /// Where a `syscall` is.
    site: u64,
    /// Something of ours is mapped.
    pub(super) is_mapped: bool,
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
            .mappings("smaps")
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
        self.name_calls();
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
        let heap_end = self
            .call(libc::SYS_brk, [0; 6])
            .map_err(step("it tells nothing of its heap segment"))?;
        let (mappings, told) = telling::mappings(&mappings, heap_end, self.target.stack_limit());
        self.map_recorder(passed, recorder, told.len() as u64)
            .map_err(step("the recorder cannot be mapped into it"))?;
        let process = Attaching {
            arena: passed.numbers.arena as u64,
            heap: [self.target.heap_start(), heap_end],
            vdso: vdso.start,
            mappings,
            thread: AttachedThread::NONE,
        };
        self.memory
            .write_all_at(&told, MAPPINGS_ADDRESS)
            .and_then(|()| self.take_over(recorder, process))
            .map_err(step("the recorder cannot take it over"))
    }

    /// Find out which calls threads are in with which the kernel goes on by itself.
    fn name_calls(&mut self) {
        for one in &mut self.held {
            let mut code = [0; CODE_BEFORE];
            let at = one.before.rip.wrapping_sub(CODE_BEFORE as u64);
            if self.memory.read_exact_at(&mut code, at).is_ok() {
                one.before = named(one.before, &code);
            }
        }
    }

    fn main(&self) -> &Tracee {
        &self.held[0].tracee
    }

    /// Let the first thread make a system call.
    pub(super) fn call(&self, number: c_long, arguments: [u64; 6]) -> io::Result<u64> {
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
            while is_inside(&continued(one.before)) {
                if steps == 0 {
                    one.tracee.set_registers(&continued(one.before))?;
                }
                one.tracee.step()?;
                one.before = one.tracee.registers()?;
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

    fn take_over(&mut self, recorder: &Recorder, process: Attaching) -> io::Result<()> {
        for index in 0..self.held.len() {
            let told = Attaching {
                thread: self.told_thread(index)?,
                ..process
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
        let mut registers = telling::registers(&continued(one.before));
        if let Some(section) = self.section(restartable[0]) {
            registers.rip = aborted(registers.rip, &section).unwrap_or(registers.rip);
        }
        Ok(AttachedThread {
            registers,
            xmm: one.tracee.vectors()?,
            mask: one.mask,
            restartable,
            is_in_call: is_cut(&one.before).into(),
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
