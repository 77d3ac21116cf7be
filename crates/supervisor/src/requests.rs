//! What others ask of a recording in a ring while it runs.

use std::sync::mpsc::Sender;
use std::sync::Mutex;
use std::time::Duration;

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
    /// Record no longer; the programs go on.
    Stop(Sender<()>),
}

/// Requests that wait.
#[derive(Default)]
pub struct Requests(Mutex<Vec<Request>>);

impl Requests {
    pub fn add(&self, request: Request) {
        if let Ok(mut waiting) = self.0.lock() {
            waiting.push(request);
        }
    }

    pub fn take(&self) -> Vec<Request> {
        self.0
            .lock()
            .map_or_else(|_| Vec::new(), |mut waiting| std::mem::take(&mut waiting))
    }
}
