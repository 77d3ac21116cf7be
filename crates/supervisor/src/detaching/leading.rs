//! Every thread comes to stand where its program knows to be: each goes on until it goes back to the program, those that are in
//! it or in a call that waits stand there already.

use std::io;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

use libc::pid_t;
use reenact_trace::detaching::{standing, step, Standing};
use reenact_trace::layout::{is_reserved, ATTACHING_ADDRESS};

use super::error::DetachError;
use super::inside::{Led, Process, State, STACK};
use super::masks::{ASKS, HELD_BACK, SYNCHRONOUS};
use crate::attaching::restarting::is_cut;
use crate::attaching::telling;
use crate::attaching::tracee::{Stop, Tracee};

/// How long all may take: what does not wait takes microseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long they run before it is looked where they are.
const ROUND: Duration = Duration::from_millis(5);
const PAUSE: Duration = Duration::from_micros(50);
/// Longest way out of a trampoline or back to the program, in instructions.
const MOST_STEPS: usize = 1_000;

impl Process {
    /// Lead all threads to such places, and pause them there.
    pub fn lead(&mut self) -> Result<(), DetachError> {
        let failed = self.failed("its threads cannot be led out");
        let end = Instant::now() + PATIENCE;
        self.sort_out().map_err(&failed)?;
        while let Some(index) = self.not_paused() {
            if Instant::now() > end {
                return Err(self.stays(self.threads[index].tracee.tid));
            }
            let round = Instant::now() + ROUND;
            while Instant::now() < round && self.not_paused().is_some() {
                self.collect().map_err(&failed)?;
                thread::sleep(PAUSE);
            }
            self.halt(end).map_err(&failed)?;
            self.sort_out().map_err(&failed)?;
        }
        if self.threads.is_empty() {
            return Err(DetachError::NoProcess { pid: self.pid });
        }
        Ok(())
    }

    fn not_paused(&self) -> Option<usize> {
        let is_under_way = |led: &Led| led.state != State::Paused;
        self.threads.iter().position(is_under_way)
    }

    /// Take notice of what running threads have come to.
    fn collect(&mut self) -> io::Result<()> {
        let mut index = 0;
        while index < self.threads.len() {
            let is_running = self.threads[index].state == State::Running;
            let stop = if is_running {
                self.threads[index].tracee.poll()?
            } else {
                None
            };
            match stop {
                Some(Stop::Gone) => {
                    self.threads.remove(index);
                    continue;
                }
                Some(stop) => {
                    if self.take_stop(index, stop)? {
                        self.pause(index, standing::AT_EXIT)?;
                    } else {
                        self.threads[index].tracee.resume(signal_of(stop))?;
                    }
                }
                None => {}
            }
            index += 1;
        }
        Ok(())
    }

    /// A running thread has stopped: whether it is where threads go back to the program. Otherwise it is to go on.
    fn take_stop(&mut self, index: usize, stop: Stop) -> io::Result<bool> {
        match stop {
            Stop::Signal(libc::SIGTRAP) => {
                let rip = self.threads[index].tracee.registers()?.rip;
                return Ok(rip == self.inside.exit[0] + 1);
            }
            Stop::Made { tid, is_thread } => self.take_made(tid, is_thread)?,
            _ => {}
        }
        Ok(false)
    }

    /// A thread or a process has been made, which is traced, too.
    fn take_made(&mut self, tid: pid_t, is_thread: bool) -> io::Result<()> {
        let tracee = Tracee { tid };
        let end = Instant::now() + PATIENCE;
        while tracee.poll()?.is_none() {
            if Instant::now() > end {
                return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
            }
            thread::sleep(PAUSE);
        }
        if !is_thread {
            self.take_breakpoint(tid)?;
            return tracee.detach();
        }
        let mut led = Led::of(tracee)?;
        led.tracee.resume(0)?;
        led.state = State::Running;
        self.threads.push(led);
        Ok(())
    }

    /// Stop all that run.
    fn halt(&mut self, end: Instant) -> io::Result<()> {
        for led in &self.threads {
            if led.state == State::Running {
                // One that has stopped by itself or ended is met below.
                drop(led.tracee.interrupt());
            }
        }
        let mut index = 0;
        while index < self.threads.len() {
            if self.threads[index].state != State::Running {
                index += 1;
                continue;
            }
            match self.threads[index].tracee.poll()? {
                None if Instant::now() > end => return Ok(()),
                None => thread::sleep(PAUSE),
                Some(Stop::Gone) => {
                    self.threads.remove(index);
                }
                Some(Stop::Asked) => self.threads[index].state = State::Held { is_at_exit: false },
                Some(stop) => {
                    if self.take_stop(index, stop)? {
                        self.threads[index].state = State::Held { is_at_exit: true };
                    } else {
                        let tracee = &self.threads[index].tracee;
                        tracee.resume(signal_of(stop))?;
                        // This stop has taken the place of the one asked for.
                        drop(tracee.interrupt());
                    }
                }
            }
        }
        Ok(())
    }

    /// Let all held threads go on that stand in the recorder, then pause the others: what one of these waits for, one of those
    /// may have.
    fn sort_out(&mut self) -> io::Result<()> {
        let mut standing = Vec::new();
        for index in 0..self.threads.len() {
            let State::Held { is_at_exit } = self.threads[index].state else {
                continue;
            };
            let place = if is_at_exit {
                Some(standing::AT_EXIT)
            } else {
                self.place_of(index)?
            };
            match place {
                Some(place) => standing.push((index, place)),
                None => {
                    let led = &mut self.threads[index];
                    led.tracee.resume(0)?;
                    led.state = State::Running;
                }
            }
        }
        for (index, place) in standing {
            self.pause(index, place)?;
        }
        Ok(())
    }

    /// Where a held thread stands; `None`: inside the recorder.
    fn place_of(&mut self, index: usize) -> io::Result<Option<u64>> {
        let (exit, areas) = (self.inside.exit, self.inside.areas);
        // On its way to the program, or in code that has moved: it comes out.
        let is_on_the_way = |rip: u64| {
            let in_area = |area: &[u64; 2]| (area[0]..area[1]).contains(&rip);
            (exit[0] + 1..exit[1]).contains(&rip) || areas.iter().any(in_area)
        };
        let tid = self.threads[index].tracee.tid;
        let mask = self.threads[index].tracee.signal_mask()?;
        let mut steps = 0;
        let has_trapped = loop {
            let has_trapped = self.has_trapped(tid);
            let led = &mut self.threads[index];
            led.before = led.tracee.registers()?;
            if has_trapped || !is_on_the_way(led.before.rip) {
                break has_trapped;
            }
            if steps == MOST_STEPS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            if steps == 0 {
                // A signal would be taken for the step.
                led.tracee.set_signal_mask(HELD_BACK)?;
            }
            steps += 1;
            led.tracee.step()?;
        };
        if steps > 0 {
            self.threads[index].tracee.set_signal_mask(mask)?;
        }
        let before = &self.threads[index].before;
        Ok(if has_trapped {
            None
        } else if !is_reserved(before.rip) {
            Some(standing::IN_PROGRAM)
        } else if before.rip == self.inside.behind_call && is_cut(before) {
            Some(standing::IN_CALL)
        } else {
            None
        })
    }

    /// Whether a trap waits for a thread, which is the recorder's to take.
    fn has_trapped(&self, tid: pid_t) -> bool {
        let status = self.target.read(&format!("task/{tid}/status"));
        let status = String::from_utf8_lossy(&status.unwrap_or_default()).into_owned();
        let pending = status
            .lines()
            .find_map(|line| line.strip_prefix("SigPnd:"))
            .and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
        pending.unwrap_or(0) & SYNCHRONOUS != 0
    }

    /// Pause a thread that stands there.
    fn pause(&mut self, index: usize, place: u64) -> io::Result<()> {
        let led = &self.threads[index];
        let told = Standing {
            place,
            registers: telling::registers(&led.before),
            xmm: led.tracee.vectors()?,
        };
        led.tracee.set_signal_mask(HELD_BACK)?;
        self.memory
            .write_all_at(told.as_bytes(), ATTACHING_ADDRESS)?;
        let result = led.tracee.run_with(self.entry, STACK, step::PAUSE, ASKS)?;
        if (-4095..=0).contains(&result) {
            return Err(io::Error::from_raw_os_error(-result as i32));
        }
        self.threads[index].stack = result as u64;
        self.threads[index].state = State::Paused;
        Ok(())
    }

    /// Let all go on in the recorder.
    pub fn give_back(&mut self) {
        drop(self.halt(Instant::now() + PATIENCE));
        drop(self.take_breakpoint(self.pid));
        for led in &self.threads {
            if led.state == State::Paused {
                // On the end of its own stack, as several may be under way.
                let top = led.stack - 64;
                drop(led.tracee.jump(self.entry, top, step::GO_BACK));
            } else if led.state == (State::Held { is_at_exit: true }) {
                let back = led.tracee.registers().and_then(|mut registers| {
                    registers.rip = self.inside.exit[0];
                    led.tracee.set_registers(&registers)
                });
                drop(back);
            }
        }
        self.release();
    }
}

/// The signal with which a thread goes on behind a stop.
fn signal_of(stop: Stop) -> libc::c_int {
    match stop {
        Stop::Signal(signal) => signal,
        _ => 0,
    }
}
