//! One recording from start to end.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reenact_files::create_private;
use reenact_trace::arena::mechanism;
use reenact_trace::layout::{REGION_END, REGION_START};
use serde_json::json;

use crate::arena_memory::Arena;
use crate::arena_start;
use crate::attaching::{beginning, Target};
use crate::changed_files;
use crate::deadline::{RootEnd, NOT_KNOWN};
use crate::error::SupervisorError;
use crate::file_cache::FileCache;
use crate::file_sizes::Raised;
use crate::file_table::FileTable;
use crate::forwarding::Forwarding;
use crate::interrupts::{self, Interrupts};
use crate::launch;
use crate::life_line::LifeLine;
use crate::log_file::LogFile;
use crate::machine::{self, ClockPair};
use crate::machine_cache;
use crate::manifest::{Manifest, Start};
use crate::options::{RecordOptions, SaveOn};
use crate::outcome::{Ending, Outcome};
use crate::program;
use crate::reason::Reason;
use crate::ring::Ring;
use crate::ring_server::RingServer;
use crate::root::{PutIn, Root};
use crate::sink::Sink;
use crate::supervision::{self, Supervision};
use crate::trace_directory;

/// Record a command until its first process has ended (see [`RecordOptions::linger`] for the
/// others). Blocks; SIGINT and SIGQUIT are handled by us meanwhile.
///
/// # Errors
/// When nothing could be recorded at all; no trace directory is left behind then. What goes
/// wrong later is in [`Outcome::messages`].
pub fn record(options: &RecordOptions) -> Result<Outcome, SupervisorError> {
    check_machine()?;
    let environment = match &options.environment {
        Some(environment) => environment.clone(),
        None => own_environment(),
    };
    let program = program::resolve(&options.command, search_path(&environment))?;
    record_root(options, &Root::Program(program, environment), &|| ())
}

/// Record a process that runs already, with all its threads, until it has ended or Ctrl-C is pressed; then it goes on
/// unrecorded. Of the options, those that are about a program to be started do not count. `attached` is called when it is
/// recorded. Blocks.
///
/// # Errors
/// When it cannot be attached to: it goes on as if nothing had been, and no trace directory is left behind.
pub fn attach(
    options: &RecordOptions,
    pid: libc::pid_t,
    attached: &dyn Fn(),
) -> Result<Outcome, SupervisorError> {
    check_machine()?;
    let target = Target::new(pid)?;
    target.check()?;
    record_root(options, &Root::Process(target), attached)
}

fn check_machine() -> Result<(), SupervisorError> {
    if is_recorded() {
        return Err(SupervisorError::Nested);
    }
    if !Path::new("/proc/self/fd").is_dir() {
        return Err(SupervisorError::NoProc);
    }
    Ok(())
}

fn record_root(
    options: &RecordOptions,
    root: &Root,
    started: &dyn Fn(),
) -> Result<Outcome, SupervisorError> {
    let recorder = File::open(&options.recorder).map_err(|error| SupervisorError::Recorder {
        path: options.recorder.clone(),
        error,
    })?;
    let created = trace_directory::create(&options.trace)?;
    let result = run(options, root, &recorder, started);
    if result.as_ref().map_or(true, |outcome| !outcome.saved) {
        trace_directory::remove(&options.trace, created);
    }
    result
}

fn run(
    options: &RecordOptions,
    root: &Root,
    recorder: &File,
    started: &dyn Fn(),
) -> Result<Outcome, SupervisorError> {
    let trace_error = |error| SupervisorError::Trace {
        path: options.trace.clone(),
        error,
    };
    let system = |what| move |error| SupervisorError::System { what, error };
    let trace = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(&options.trace)
        .map_err(trace_error)?;
    let file_sizes = Raised::new();
    let arena = Arena::create().map_err(|error| match launch::limit_of(None, libc::RLIMIT_AS) {
        [limit, _] if limit != libc::RLIM_INFINITY => SupervisorError::AddressSpace { limit },
        _ => system("shared memory cannot be created")(error),
    })?;
    let arena = Arc::new(arena);
    let numbers = root.choose_numbers()?;
    let how = arena_start::choose_mechanism(options.mechanism)?;
    let clock = ClockPair::now();
    let copies = FileCache::open();
    arena_start::fill(&arena, options, root, numbers, how, &file_sizes)?;
    arena.fill_header(|header| {
        header.file_cache = copies.name();
        header.settled_before_ns = FileCache::settled_before(clock.epoch_ns);
        header.started_ns = clock.epoch_ns;
        header.started_counter = clock.tsc;
    });
    let mut sink = make_sink(options).map_err(trace_error)?;
    if let Root::Process(target) = root {
        sink.begin_attached(&beginning::of(target, &mut Vec::new()))
            .map_err(trace_error)?;
    }
    let server = options
        .ring
        .as_ref()
        .and_then(|ring| ring.socket.as_deref())
        .map(RingServer::bind)
        .transpose()
        .map_err(system("the socket of the ring cannot be made"))?;
    let files = FileTable::create(arena.clone(), &options.trace, copies).map_err(trace_error)?;
    // Replays write where they have found landings, but make no files.
    create_private(&options.trace.join("landings")).map_err(trace_error)?;
    let known = machine_cache::recall();
    let leaves = match &known {
        Some(processors) => processors.leaves.clone(),
        None => machine::cpuid_leaves(),
    };
    let (command, environment) = (root.command(options), root.environment());
    let (program, directory) = (root.program(), root.directory(options));
    let mut manifest = Manifest::new(
        &options.trace,
        &Start {
            command: &command,
            program: &program,
            environment: &environment,
            directory: &directory,
            settings: json!({
                "mechanism": if how == mechanism::SECCOMP { "seccomp" } else { "dispatch" },
                "checksum_interval": options.checksum_interval,
                "leaves_code": options.leaves_code,
                "reserved_region": [REGION_START, REGION_END],
                "linger_seconds": options.linger.as_secs_f64(),
                "chaos_seed": options.chaos_seed,
                "ring_bytes": options.ring.as_ref().map(|ring| ring.size),
                "timeout_seconds": options.timeout.map(|timeout| timeout.as_secs_f64()),
                "attached_to": root.attached(),
            }),
            clock,
            leaves: &leaves,
        },
    );
    if let Some(processors) = &known {
        supervision::publish(&arena, processors);
        manifest.set_differing(&processors.differing);
    }
    if root.attached().is_some() {
        manifest.set("format_version", json!(reenact_trace::FORMAT_VERSION));
    }
    manifest.write().map_err(trace_error)?;
    let manifest = Mutex::new(manifest);

    let life_line = LifeLine::start(&arena).map_err(system("no thread can be started"))?;
    let interrupts = Interrupts::install();
    let forwarding = Forwarding::install();
    let shared = Arc::clone(&arena);
    let put_in = PutIn {
        recorder,
        arena: shared.file(),
        trace: &trace,
        numbers,
        directory: directory_string(options.directory.as_deref())?,
        restore_signals: options.restore_signals,
        file_sizes: file_sizes.for_program(),
    };
    let start = || {
        let pid = root.start(&put_in)?;
        started();
        if root.attached().is_none() {
            forwarding.begin(pid);
        }
        Ok(pid)
    };
    let supervised = Supervision {
        arena,
        files,
        sink,
        server,
        unknown: known.is_none().then_some(leaves.as_slice()),
        is_attached: root.attached().is_some(),
    };
    let (mut root, report) = supervision::supervise(options, supervised, &manifest, start)?;
    if root.wait_status == NOT_KNOWN {
        root.wait_status = report.root_status.unwrap_or(NOT_KNOWN);
    }
    let mut manifest = manifest
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    drop(life_line);
    drop(forwarding);
    let interrupted = interrupts::pressed() > 0;
    drop(interrupts);
    let RootEnd {
        wait_status,
        timed_out,
    } = root;

    let end = ClockPair::now();
    manifest.set("complete", json!(report.complete));
    manifest.set("end", end.json());
    let known_status = (wait_status != NOT_KNOWN).then_some(wait_status);
    manifest.set("wait_status", json!(known_status));
    manifest.set("timed_out", json!(timed_out));
    manifest.set("shares_memory", json!(shared.had_turns()));
    manifest.set("processes", json!(report.processes));
    manifest.set("events", json!(report.events));
    let mut messages = report.messages;
    let changed = changed_files::messages(&shared);
    manifest.set("changed_files", json!(changed));
    messages.extend(changed);
    manifest.set("messages", json!(messages));
    let (saved, ring_bytes) = match &report.ring {
        None => (true, 0),
        Some(ring) => {
            let saved = is_wanted(&root, ring);
            if saved {
                save_ring(&options.trace, ring, &mut manifest).map_err(trace_error)?;
            }
            (saved, ring.size().1)
        }
    };
    if let Err(error) = manifest.write() {
        messages.push(format!(
            "the manifest of the trace could not be completed: {}",
            Reason(&error)
        ));
    }
    Ok(Outcome {
        trace: options.trace.clone(),
        ending: Ending::from_wait_status(wait_status),
        wait_status,
        timed_out,
        interrupted,
        processes: report.processes,
        events: report.events,
        bytes: report.bytes,
        raw_bytes: report.raw_bytes,
        duration_ns: end.epoch_ns.saturating_sub(clock.epoch_ns),
        messages,
        saved,
        ring_bytes,
        complete: report.complete,
    })
}

/// Where logs go.
fn make_sink(options: &RecordOptions) -> io::Result<Sink> {
    if let Some(ring) = &options.ring {
        return Ok(Sink::Ring(Box::new(Ring::new(ring.size, ring.save_on)?)));
    }
    let log = LogFile::create(&options.trace.join("events"))?;
    let snapshots = options
        .takes_snapshots()
        .then(|| LogFile::create(&options.trace.join("snapshots")))
        .transpose()?;
    Ok(Sink::Files { log, snapshots })
}

/// Whether what a ring holds at the end becomes a trace.
fn is_wanted(root: &RootEnd, ring: &Ring) -> bool {
    let by_signal = libc::WIFSIGNALED(root.wait_status) || ring.has_crashed();
    match ring.save_on {
        SaveOn::Always => true,
        SaveOn::Error => {
            let has_failed = root.wait_status != 0 && root.wait_status != NOT_KNOWN;
            by_signal || has_failed || root.timed_out
        }
        SaveOn::Signal => by_signal,
        SaveOn::Never => false,
    }
}

/// Put what a ring holds into the trace.
fn save_ring(trace: &Path, ring: &Ring, manifest: &mut Manifest) -> io::Result<()> {
    let saved = ring.saved()?;
    saved.write(&trace.join("events"))?;
    for (key, value) in saved.fields() {
        manifest.set(key, value);
    }
    Ok(())
}

/// Whether this process is recorded. It is not to know, but nothing can be mapped where its recorder
/// is; nor could the recorder that we would start. Tried once, as two threads that tried together would
/// find each other.
fn is_recorded() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        const PAGE: usize = 4096;
        // SAFETY: a fresh mapping that replaces none, removed at once.
        unsafe {
            let place = libc::mmap(
                REGION_START as *mut libc::c_void,
                PAGE,
                // Reservations without access are made around it.
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
                -1,
                0,
            );
            if place == libc::MAP_FAILED {
                return true;
            }
            libc::munmap(place, PAGE);
        }
        false
    })
}

fn own_environment() -> Vec<OsString> {
    env::vars_os()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        })
        .collect()
}

fn search_path(environment: &[OsString]) -> Option<&OsStr> {
    let value = |string: &'_ OsString| string.as_bytes().starts_with(b"PATH=");
    let string = environment.iter().find(|string| value(string))?;
    Some(OsStr::from_bytes(&string.as_bytes()[5..]))
}

fn directory_string(directory: Option<&Path>) -> Result<Option<CString>, SupervisorError> {
    let string = directory.map(|path| CString::new(path.as_os_str().as_bytes()));
    string
        .transpose()
        .map_err(|_| SupervisorError::BadArgument {
            what: "the directory contains a NUL byte",
        })
}
