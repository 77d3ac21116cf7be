//! What the recorder has changed is undone, and the threads go on by themselves. All of them are paused.

use std::io;
use std::os::unix::fs::FileExt;

use libc::user_regs_struct;
use reenact_trace::detaching::{step, Left, ANSWER_ADDRESS};
use reenact_trace::layout::{REGION_END, REGION_START};

use super::error::DetachError;
use super::inside::{Led, Process, STACK};
use super::masks::{ASKS, HELD_BACK};
use crate::attaching::restarting::kernels;

/// A mask of all signals.
const ALL: u64 = u64::MAX;

impl Process {
    /// Undo all, unmap the recorder and let the threads go.
    ///
    /// # Errors
    /// The kernel refuses what it has allowed before.
    pub fn leave(self) -> Result<(), DetachError> {
        let failed = self.failed("what was changed cannot be undone");
        let left = self.undo().map_err(&failed);
        // Also where something has failed: as much as there is of it.
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                self.release();
                return Err(error);
            }
        };
        for (led, (registers, left)) in self.threads.iter().zip(&left) {
            // A thread that has been killed meanwhile is not missed.
            let ready = led
                .tracee
                .set_registers(registers)
                .and_then(|()| led.tracee.set_signal_mask(left.mask));
            drop(ready);
        }
        self.release();
        Ok(())
    }

    fn undo(&self) -> io::Result<Vec<(user_regs_struct, Left)>> {
        let first = &self.threads[0];
        let taken = |led: &Led, what| {
            let result = led.tracee.run_with(self.entry, STACK, what, ASKS)?;
            match result {
                error @ -4095..=0 => Err(io::Error::from_raw_os_error(-error as i32)),
                _ => Ok(()),
            }
        };
        first.tracee.set_signal_mask(HELD_BACK)?;
        taken(first, step::LEAVE_PROCESS)?;
        let mut all = Vec::new();
        for led in &self.threads {
            // Nobody asks any more, but it may have been asked.
            led.tracee
                .run_without(self.entry, STACK, step::LEAVE, ASKS)?;
            let mut left = Left::NONE;
            self.memory
                .read_exact_at(left.as_bytes_mut(), ANSWER_ADDRESS)?;
            all.push((registers(led, &left)?, left));
        }
        for (led, (_, left)) in self.threads.iter().zip(&all) {
            self.send_again(led, left)?;
        }
        first.tracee.set_signal_mask(ALL)?;
        let size = REGION_END - REGION_START;
        first.tracee.call(
            self.site,
            libc::SYS_munmap,
            [REGION_START, size, 0, 0, 0, 0],
        )?;
        Ok(all)
    }

    /// What waited in the recorder waits in the kernel.
    fn send_again(&self, led: &Led, left: &Left) -> io::Result<()> {
        let count = (left.signal_count as usize).min(left.signals.len());
        if count > 0 {
            led.tracee.set_signal_mask(ALL)?;
        }
        for signal in &left.signals[..count] {
            let bytes: Vec<u8> = signal[1..]
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect();
            self.memory.write_all_at(&bytes, ANSWER_ADDRESS)?;
            let arguments = [
                self.pid as u64,
                led.tracee.tid as u64,
                signal[0],
                ANSWER_ADDRESS,
                0,
                0,
            ];
            led.tracee
                .call(self.site, libc::SYS_rt_tgsigqueueinfo, arguments)?;
        }
        Ok(())
    }
}

/// The registers with which a thread goes on.
fn registers(led: &Led, left: &Left) -> io::Result<user_regs_struct> {
    let mut registers = led.tracee.registers()?;
    let told = &left.registers;
    registers.rax = told.rax;
    registers.rbx = told.rbx;
    registers.rcx = told.rcx;
    registers.rdx = told.rdx;
    registers.rsi = told.rsi;
    registers.rdi = told.rdi;
    registers.rbp = told.rbp;
    registers.rsp = told.rsp;
    registers.r8 = told.r8;
    registers.r9 = told.r9;
    registers.r10 = told.r10;
    registers.r11 = told.r11;
    registers.r12 = told.r12;
    registers.r13 = told.r13;
    registers.r14 = told.r14;
    registers.r15 = told.r15;
    registers.rip = told.rip;
    registers.eflags = told.rflags;
    registers.orig_rax = u64::MAX;
    if left.restart != 0 {
        // The kernel makes the call once more, or has its waiting signals interrupt it.
        let made = &led.before;
        let is_programs = [
            (made.orig_rax, told.rax),
            (made.rdi, told.rdi),
            (made.rsi, told.rsi),
            (made.rdx, told.rdx),
            (made.r10, told.r10),
            (made.r8, told.r8),
            (made.r9, told.r9),
        ];
        // What it has begun is the program's own call: it goes on with it.
        let result = kernels(made).filter(|_| is_programs.iter().all(|(made, told)| made == told));
        registers.orig_rax = told.rax;
        registers.rax = result.unwrap_or(left.restart) as u64;
    }
    Ok(registers)
}
