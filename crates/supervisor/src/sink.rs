//! Where logs and snapshots go: to files of the trace as they come, or into a ring.

use std::io;

use reenact_trace::chunk::{landmark, EndRecord};

use crate::chunk_maker::Batch;
use crate::log_file::LogFile;
use crate::ring::Ring;

/// The place.
pub enum Sink {
    Files {
        log: LogFile,
        /// Where snapshots go, if any are taken.
        snapshots: Option<LogFile>,
    },
    Ring(Box<Ring>),
}

impl Sink {
    /// The ring, if it is one.
    pub fn ring(&mut self) -> Option<&mut Ring> {
        match self {
            Sink::Ring(ring) => Some(ring),
            Sink::Files { .. } => None,
        }
    }

    /// Bytes so far, and bytes of events before compression.
    pub fn sizes(&self) -> (u64, u64) {
        match self {
            Sink::Files { log, .. } => (log.bytes(), log.raw_bytes()),
            Sink::Ring(ring) => (ring.size().0, ring.raw_bytes()),
        }
    }

    /// Add who a process is that ran already: its log begins with a snapshot.
    pub fn begin_attached(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        match self {
            Sink::Files { log, .. } => log.append(batch),
            Sink::Ring(ring) => {
                ring.begin_attached(batch);
                Ok(())
            }
        }
    }

    /// Add a part of the snapshot that its log begins with.
    pub fn append_beginning(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        match self {
            Sink::Files { log, .. } => log.append(&Batch {
                landmarks: batch.landmarks | landmark::BEGINNING,
                ..*batch
            }),
            Sink::Ring(_) => self.append_snapshot(batch),
        }
    }

    /// Add events of a log.
    pub fn append(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        match self {
            Sink::Files { log, .. } => log.append(batch),
            Sink::Ring(ring) => {
                ring.append(batch);
                Ok(())
            }
        }
    }

    /// Add a part of a snapshot, which is of no use without the events before it.
    pub fn append_snapshot(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        match self {
            Sink::Files {
                snapshots: None, ..
            } => Ok(()),
            Sink::Files {
                log,
                snapshots: Some(snapshots),
            } => {
                log.flush()?;
                snapshots.append(batch)
            }
            Sink::Ring(ring) => {
                ring.append_snapshot(batch);
                Ok(())
            }
        }
    }

    /// Add how a process has ended.
    pub fn append_end(&mut self, process: u32, end: &EndRecord) -> io::Result<()> {
        match self {
            Sink::Files { log, .. } => log.append_end(process, end),
            Sink::Ring(ring) => {
                ring.append_end(process, end);
                Ok(())
            }
        }
    }

    /// Write what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Files { log, snapshots } => {
                let written = log.flush();
                let snapshots = snapshots.as_mut().map_or(Ok(()), LogFile::flush);
                written.and(snapshots)
            }
            Sink::Ring(_) => Ok(()),
        }
    }
}
