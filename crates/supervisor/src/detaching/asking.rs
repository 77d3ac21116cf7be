//! Detaching from outside: whoever records the process is asked to let it go; where nobody does, it is led out from here.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::{Duration, Instant};

use libc::pid_t;
use reenact_trace::arena::{state, ArenaHeader, OWNER_DIED};
use reenact_trace::detaching::obstacle;
use reenact_trace::layout::{ARENA_ADDRESS, REGION_END, REGION_START};

use super::error::DetachError;
use super::lead_out;
use crate::attaching::Target;

/// How long whoever records the process may take to let it go.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// End the recording of a process that was attached to, and take the recorder out of it.
///
/// # Errors
/// It goes on as before, or no longer recorded but with the recorder in it.
pub fn detach(pid: pid_t) -> Result<(), DetachError> {
    let target = Target::new(pid).map_err(|_| DetachError::NoProcess { pid })?;
    let refused = |error| DetachError::NotPermitted { pid, error };
    let mappings = target.mappings("maps").map_err(refused)?;
    let Some(recorder) = mappings.iter().find(|mapped| mapped.start == REGION_START) else {
        return Err(DetachError::NotRecorded { pid });
    };
    let program = fs::metadata(target.path("exe"));
    if program.is_ok_and(|program| program.ino() == recorder.inode) {
        let why = obstacle::LOADED;
        return Err(DetachError::Obstacle { pid, why });
    }
    let memory = OpenOptions::new()
        .read(true)
        .write(true)
        .open(target.path("mem"))
        .map_err(refused)?;
    if !has_reader(&memory).map_err(refused)? {
        return lead_out(pid);
    }
    end_recording(&memory).map_err(refused)?;
    let end = Instant::now() + PATIENCE;
    while is_inside(pid) {
        if Instant::now() > end {
            return Err(DetachError::StillRecorded { pid });
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Whether somebody reads the log of the recorder ([`ArenaHeader::has_reader`]).
fn has_reader(memory: &File) -> io::Result<bool> {
    let word = |offset: usize| {
        let mut bytes = [0; 4];
        memory.read_exact_at(&mut bytes, ARENA_ADDRESS + offset as u64)?;
        io::Result::Ok(u32::from_le_bytes(bytes))
    };
    let supervisor = word(offset_of!(ArenaHeader, supervisor))?;
    let is_recording = word(offset_of!(ArenaHeader, state))? == state::RECORDING;
    Ok(is_recording && supervisor & OWNER_DIED == 0)
}

/// Tell whoever reads the log, in the memory that the recorder shares with it, that the recording is to end.
fn end_recording(memory: &File) -> io::Result<()> {
    let at = ARENA_ADDRESS + offset_of!(ArenaHeader, end_wanted) as u64;
    memory.write_all_at(&1u32.to_le_bytes(), at)
}

/// Whether something of ours is mapped in a process.
fn is_inside(pid: pid_t) -> bool {
    let mappings = Target::new(pid).map(|target| target.mappings("maps").unwrap_or_default());
    let mut mappings = mappings.unwrap_or_default().into_iter();
    mappings.any(|mapped| mapped.start < REGION_END && mapped.end > REGION_START)
}
