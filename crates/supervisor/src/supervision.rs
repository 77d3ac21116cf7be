//! The threads of a recording: one drains the logs, one keeps files, one answers who asks, while the calling one waits for the
//! first process.

use std::sync::atomic::Ordering;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

use reenact_trace::arena::state;

use crate::arena_memory::Arena;
use crate::deadline::{self, RootEnd};
use crate::drain::{Control, Drain, DrainReport, DrainSettings};
use crate::error::SupervisorError;
use crate::file_table::FileTable;
use crate::forwarding;
use crate::futex;
use crate::machine;
use crate::machine_cache::{self, Processors};
use crate::manifest::Manifest;
use crate::options::RecordOptions;
use crate::ring_server::RingServer;
use crate::sink::Sink;

/// Let recorders answer `cpuid` where all processors give the same answers.
pub fn publish(arena: &Arena, processors: &Processors) {
    if processors.differing.is_empty() {
        arena.publish_cpuid(&machine::constant_leaves(&processors.leaves));
    }
}

/// What is to be supervised.
pub struct Supervision<'a> {
    pub arena: Arc<Arena>,
    pub files: FileTable,
    pub sink: Sink,
    /// Answers those who ask.
    pub server: Option<RingServer>,
    /// What one processor answers, while the others have not been asked.
    pub unknown: Option<&'a [[u32; 6]]>,
    /// The first process ran already.
    pub is_attached: bool,
}

/// Programs go on unrecorded when a thread of ours panics: nobody would serve them.
struct StopsOnPanic(Arc<Arena>);

impl Drop for StopsOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let state = &self.0.header().state;
            state.store(state::STOPPED, Ordering::SeqCst);
        }
    }
}

/// Wait status for the drain loop when no program was started.
const NOTHING_RAN: i32 = 0;

/// Drain on threads while this one starts the first process and waits for it. The threads come first: a
/// program that has started is not left without them.
pub fn supervise(
    options: &RecordOptions,
    supervision: Supervision<'_>,
    manifest: &Mutex<Manifest>,
    start: impl FnOnce() -> Result<libc::pid_t, SupervisorError>,
) -> Result<(RootEnd, DrainReport), SupervisorError> {
    let Supervision {
        arena,
        files,
        sink,
        server,
        unknown,
        is_attached,
    } = supervision;
    let no_thread = |error| SupervisorError::System {
        what: "no thread can be started",
        error,
    };
    let control = Arc::new(Control::new());
    let (tasks, inbox) = mpsc::channel();
    let settings = DrainSettings {
        snapshot_interval: options.snapshot_interval,
        linger: options.linger,
        is_attached,
    };
    let drain = Drain::new(arena.clone(), control.clone(), sink, Some(tasks), settings);
    thread::scope(|scope| {
        let guard = StopsOnPanic(Arc::clone(&arena));
        let drain = thread::Builder::new()
            .spawn_scoped(scope, move || {
                let _guard = guard;
                drain.run()
            })
            .map_err(no_thread)?;
        let end = |wait_status| {
            control.root_ended(wait_status);
            ring_bell(&arena);
        };
        let guard = StopsOnPanic(Arc::clone(&arena));
        let keeper = thread::Builder::new().spawn_scoped(scope, move || {
            let _guard = guard;
            files.run(&inbox);
        });
        let started = keeper
            .map_err(no_thread)
            .and_then(|keeper| Ok((keeper, start()?)));
        let (keeper, pid) = started.inspect_err(|_| end(NOTHING_RAN))?;
        let answering = server.as_ref().map(|server| {
            let (control, arena) = (control.clone(), arena.clone());
            let ask = move |request| {
                control.ask(request);
                ring_bell(&arena);
            };
            thread::Builder::new()
                .spawn_scoped(scope, move || server.run(ask, &options.trace, manifest))
        });
        let told = arena.clone();
        let processors = unknown.map(|leaves| {
            thread::Builder::new().spawn_scoped(scope, move || {
                let processors = Processors {
                    leaves: leaves.to_vec(),
                    differing: machine::differing_processors(leaves),
                };
                publish(&told, &processors);
                machine_cache::remember(&processors);
                processors.differing
            })
        });
        let root = if is_attached {
            deadline::wait_for_attached(pid, &arena)
        } else {
            deadline::wait(pid, options.timeout, &arena)
        };
        forwarding::end();
        end(root.wait_status);
        // Where there was no thread for it, later recordings ask the processors.
        let processors = processors.and_then(Result::ok);
        if let Some(Ok(differing)) = processors.map(thread::ScopedJoinHandle::join) {
            if let Ok(mut manifest) = manifest.lock() {
                manifest.set_differing(&differing);
            }
        }
        let mut report = drain.join().unwrap_or_else(|_| DrainReport {
            messages: vec!["the log writer failed; the trace ends early".to_owned()],
            ..DrainReport::default()
        });
        if let Some(server) = &server {
            server.end();
        }
        drop(answering);
        if keeper.join().is_err() {
            report.complete = false;
            let text = "the keeper of files failed; the programs went on unrecorded";
            report.messages.push(text.to_owned());
        }
        Ok((root, report))
    })
}

/// Let the drain loop look.
fn ring_bell(arena: &Arena) {
    let bell = &arena.header().doorbell;
    bell.fetch_add(1, Ordering::SeqCst);
    futex::wake_all(bell);
}
