//! A process with a recorder in it, all of whose threads are held.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use libc::{pid_t, user_regs_struct};
use reenact_trace::attaching::{ENTRY_BEFORE, SIZE};
use reenact_trace::detaching::{obstacle, step, Inside, ANSWER_ADDRESS};
use reenact_trace::layout::{ATTACHING_ADDRESS, REGION_END, REGION_START};

use super::error::DetachError;
use super::masks::HELD_BACK;
use crate::attaching::restarting::{is_cut, kernels};
use crate::attaching::target::Mapped;
use crate::attaching::tracee::Tracee;
use crate::attaching::Target;

/// The end of the stack on which the recorder runs.
pub const STACK: u64 = ATTACHING_ADDRESS + SIZE - 64;
const BREAKPOINT: u8 = 0xcc;
/// What a thread makes meanwhile is held, too.
pub const OPTIONS: libc::c_int =
    libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEVFORK;

/// What has become of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is stopped somewhere; or where threads go back to the program.
    Held {
        is_at_exit: bool,
    },
    Running,
    Paused,
}

/// A thread that is being led out.
pub struct Led {
    pub tracee: Tracee,
    pub state: State,
    /// Its registers, and its mask for the kernel, when it was held last.
    pub before: user_regs_struct,
    pub mask: u64,
    /// The end of the recorder's stack for it, when it is paused.
    pub stack: u64,
}

impl Led {
    pub fn of(tracee: Tracee) -> io::Result<Led> {
        Ok(Led {
            before: tracee.registers()?,
            mask: tracee.signal_mask()?,
            tracee,
            stack: 0,
            state: State::Held { is_at_exit: false },
        })
    }
}

/// The process.
pub struct Process {
    pub pid: pid_t,
    pub target: Target,
    pub memory: File,
    pub threads: Vec<Led>,
    /// A `syscall` of the recorder's, and where it begins to do a step.
    pub site: u64,
    pub entry: u64,
    pub inside: Inside,
    /// The byte of the program that the breakpoint has the place of.
    exit_byte: u8,
}

impl Process {
    /// Hold all threads of a process, and have the recorder in it say what it is.
    pub fn hold(target: Target) -> Result<Process, DetachError> {
        let pid = target.pid();
        let refused = |error: io::Error| DetachError::NotPermitted { pid, error };
        let mappings = target.mappings("maps").map_err(refused)?;
        let memory = OpenOptions::new()
            .read(true)
            .write(true)
            .open(target.path("mem"))
            .map_err(refused)?;
        let (site, entry) =
            find_recorder(&memory, &mappings).ok_or(DetachError::NotRecorded { pid })?;
        let mut process = Process {
            pid,
            target,
            memory,
            threads: Vec::new(),
            site,
            entry,
            inside: Inside::NONE,
            exit_byte: 0,
        };
        let begun = process.hold_threads().and_then(|()| process.look());
        if let Err(error) = begun {
            process.release();
            return Err(error);
        }
        Ok(process)
    }

    pub fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> DetachError {
        let pid = self.pid;
        move |error| match error.raw_os_error() {
            Some(libc::ESRCH) if Target::new(pid).is_err() => DetachError::NoProcess { pid },
            _ => DetachError::Failed { pid, what, error },
        }
    }

    fn hold_threads(&mut self) -> Result<(), DetachError> {
        let pid = self.pid;
        loop {
            let there = self.target.threads().unwrap_or_default();
            let is_known = |tid: &pid_t| self.threads.iter().any(|led| led.tracee.tid == *tid);
            let new: Vec<pid_t> = there.into_iter().filter(|tid| !is_known(tid)).collect();
            if new.is_empty() {
                break;
            }
            for tid in new {
                match Tracee::seize_with(tid, OPTIONS).and_then(Led::of) {
                    Ok(led) => self.threads.push(led),
                    Err(_) if tid != pid && self.target.has_ended(tid) => {}
                    Err(error) => {
                        return Err(match error.raw_os_error() {
                            Some(libc::EPERM) => DetachError::NotPermitted { pid, error },
                            Some(libc::ETIMEDOUT) => self.stays(tid),
                            _ => self.failed("it could not be stopped")(error),
                        })
                    }
                }
            }
        }
        if self.threads.is_empty() {
            return Err(DetachError::NoProcess { pid });
        }
        Ok(())
    }

    /// This thread is not to be led out.
    pub fn stays(&self, tid: pid_t) -> DetachError {
        let place = self.target.read(&format!("task/{tid}/wchan"));
        let place = String::from_utf8(place.unwrap_or_default()).unwrap_or_default();
        DetachError::Stays {
            pid: self.pid,
            tid,
            place: if place == "0" { String::new() } else { place },
        }
    }

    /// Ask the recorder, in the first thread, and put the breakpoint where threads go back to the program.
    fn look(&mut self) -> Result<(), DetachError> {
        let failed = self.failed("the recorder in it does not answer");
        let first = &self.threads[0];
        let before = first.before;
        let asked = self
            .map_room(&first.tracee)
            .and_then(|()| first.tracee.set_signal_mask(HELD_BACK))
            .and_then(|()| first.tracee.run(self.entry, STACK, step::LOOK));
        let restored = first
            .tracee
            .set_registers(&before)
            .and_then(|()| first.tracee.set_signal_mask(first.mask));
        let answer = asked.map_err(&failed)?;
        restored.map_err(&failed)?;
        if answer != 1 {
            return Err(failed(io::Error::from_raw_os_error(-answer as i32)));
        }
        let mut inside = Inside::NONE;
        self.memory
            .read_exact_at(inside.as_bytes_mut(), ANSWER_ADDRESS)
            .map_err(&failed)?;
        if inside.obstacle != obstacle::NONE {
            return Err(DetachError::Obstacle {
                pid: self.pid,
                why: inside.obstacle,
            });
        }
        self.inside = inside;
        let mut byte = [0];
        self.memory
            .read_exact_at(&mut byte, inside.exit[0])
            .map_err(&failed)?;
        self.exit_byte = byte[0];
        self.memory
            .write_all_at(&[BREAKPOINT], inside.exit[0])
            .map_err(&failed)
    }

    /// Memory for what the recorder is told.
    fn map_room(&self, tracee: &Tracee) -> io::Result<()> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let arguments = [
            ATTACHING_ADDRESS,
            SIZE,
            protection as u64,
            flags as u64,
            u64::MAX,
            0,
        ];
        let result = tracee.call(self.site, libc::SYS_mmap, arguments)?;
        if result as u64 != ATTACHING_ADDRESS {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        Ok(())
    }

    /// The program's code again in the place of the breakpoint; in a child that was made meanwhile, too.
    pub fn take_breakpoint(&self, pid: pid_t) -> io::Result<()> {
        let path = PathBuf::from(format!("/proc/{pid}/mem"));
        let memory = OpenOptions::new().write(true).open(path)?;
        memory.write_all_at(&[self.exit_byte], self.inside.exit[0])
    }

    /// Let all threads go where they are.
    pub fn release(&self) {
        for led in &self.threads {
            let is_as_it_was = led.state == State::Held { is_at_exit: false };
            if let Some(registers) = is_as_it_was.then(|| uncut(&led.before)).flatten() {
                drop(led.tracee.set_registers(&registers));
            }
            // One that has been killed is not missed.
            drop(led.tracee.detach());
        }
    }
}

/// The registers of a thread whose call the stop has interrupted for good: the kernel is to make it once more.
fn uncut(before: &user_regs_struct) -> Option<user_regs_struct> {
    const NO_HANDLER: i64 = -514;
    let is_cut = is_cut(before) && kernels(before).is_none();
    is_cut.then_some(user_regs_struct {
        rax: NO_HANDLER as u64,
        ..*before
    })
}

/// A system call of the recorder's and where it begins, if there is one.
fn find_recorder(memory: &File, mappings: &[Mapped]) -> Option<(u64, u64)> {
    let inside = |mapped: &&Mapped| (REGION_START..REGION_END).contains(&mapped.start);
    let ours: Vec<&Mapped> = mappings.iter().filter(inside).collect();
    let first = ours.iter().find(|mapped| mapped.start == REGION_START)?;
    let mut header = [0u8; 64];
    memory.read_exact_at(&mut header, first.start).ok()?;
    let entry = u64::from_le_bytes(header[24..32].try_into().ok()?);
    let is_code = |mapped: &&&Mapped| (mapped.start..mapped.end).contains(&entry);
    let code = ours.iter().find(is_code)?;
    if !header.starts_with(b"\x7fELF") || code.protection & libc::PROT_EXEC as u32 == 0 {
        return None;
    }
    let mut bytes = vec![0u8; (code.end - code.start) as usize];
    memory.read_exact_at(&mut bytes, code.start).ok()?;
    let at = bytes.windows(2).position(|pair| pair == [0x0f, 0x05])?;
    Some((code.start + at as u64, entry - ENTRY_BEFORE))
}
