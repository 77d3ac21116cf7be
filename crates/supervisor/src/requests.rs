//! What others ask of a recording in a ring while it runs.

use std::sync::mpsc::Sender;
use std::sync::Mutex;
use std::time::Duration;

use crate::options::SaveOn;
use crate::ring::{Saved, Snippet};

/// What a ring holds.
#[derive(Clone, Debug, Default)]
pub struct Status {
    pub limit: u64,
    /// Bytes of logs and snapshots now, and at most so far.
    pub bytes: u64,
    pub highest: u64,
    /// Events recorded so far, of which the ring holds the last ones.
    pub events: u64,
    /// How far back it reaches.
    pub reach: Duration,
    pub processes: Vec<Snippet>,
    /// Processes that take no snapshots: number, pid, why.
    pub obstacles: Vec<(u32, u32, &'static str)>,
    pub is_stopped: bool,
}

/// A request, and where its answer goes.
pub enum Request {
    Status(Sender<Status>),
    Save(Sender<std::io::Result<Saved>>),
    /// When it becomes a trace at the end, from now on.
    SaveOn(SaveOn, Sender<()>),
    /// Where a process of this pid is: its number, and the event that it will log next; `None`: it is not recorded.
    Where(u32, Sender<Option<(u32, u64)>>),
    /// Record no longer; the programs go on.
    Stop(Sender<()>),
}

/// Requests that wait; `None`: nobody answers any more.
pub struct Requests(Mutex<Option<Vec<Request>>>);

impl Default for Requests {
    fn default() -> Requests {
        Requests(Mutex::new(Some(Vec::new())))
    }
}

impl Requests {
    /// Add one. When nobody answers any more, whoever has asked learns it at once.
    pub fn add(&self, request: Request) {
        if let Ok(mut waiting) = self.0.lock() {
            if let Some(waiting) = waiting.as_mut() {
                waiting.push(request);
            }
        }
    }

    pub fn take(&self) -> Vec<Request> {
        let waiting = self.0.lock();
        waiting.map_or_else(
            |_| Vec::new(),
            |mut waiting| waiting.as_mut().map(std::mem::take).unwrap_or_default(),
        )
    }

    /// Answer no more.
    pub fn close(&self) {
        if let Ok(mut waiting) = self.0.lock() {
            *waiting = None;
        }
    }
}
