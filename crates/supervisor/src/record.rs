//! One recording from start to end.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use reenact_files::create_private;
use reenact_trace::arena::{descriptor, mechanism, slot_state, state, EXEC_PATH_MAX};
use reenact_trace::layout::{REGION_END, REGION_START};
use serde_json::json;

use crate::arena_memory::Arena;
use crate::attaching::{beginning, Target};
use crate::changed_files;
use crate::deadline::{self, RootEnd, NOT_KNOWN};
use crate::drain::{Control, Drain, DrainReport, DrainSettings};
use crate::error::SupervisorError;
use crate::file_cache::FileCache;
use crate::file_table::FileTable;
use crate::forwarding::{self, Forwarding};
use crate::futex;
use crate::interrupts::{self, Interrupts};
use crate::launch::{self, HiddenNumbers};
use crate::life_line::LifeLine;
use crate::log_file::LogFile;
use crate::machine::{self, ClockPair};
use crate::machine_cache::{self, Processors};
use crate::manifest::{Manifest, Start};
use crate::options::{Mechanism, RecordOptions, SaveOn};
use crate::outcome::{Ending, Outcome};
use crate::program;
use crate::reason::Reason;
use crate::ring::Ring;
use crate::ring_server::RingServer;
use crate::root::{PutIn, Root};
use crate::sink::Sink;
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
    let arena = Arena::create().map_err(|error| match launch::address_space_limit() {
        [limit, _] if limit != libc::RLIM_INFINITY => SupervisorError::AddressSpace { limit },
        _ => system("shared memory cannot be created")(error),
    })?;
    let arena = Arc::new(arena);
    let numbers = root
        .choose_numbers()
        .map_err(system("no five file descriptors are free"))?;
    let how = choose_mechanism(options.mechanism)?;
    let clock = ClockPair::now();
    let copies = FileCache::open();
    fill_arena(&arena, options, root, numbers, how)?;
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
        publish(&arena, processors);
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
    };
    let start = || {
        let pid = root.start(&put_in)?;
        started();
        if root.attached().is_none() {
            forwarding.begin(pid);
        }
        Ok(pid)
    };
    let supervision = Supervision {
        arena,
        files,
        sink,
        server,
        unknown: known.is_none().then_some(leaves.as_slice()),
        is_attached: root.attached().is_some(),
    };
    let (mut root, report) = supervise(options, supervision, &manifest, start)?;
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
            let saved = is_wanted(options, &root, ring);
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
        return Ok(Sink::Ring(Box::new(Ring::new(ring.size)?)));
    }
    let log = LogFile::create(&options.trace.join("events"))?;
    let snapshots = options
        .takes_snapshots()
        .then(|| LogFile::create(&options.trace.join("snapshots")))
        .transpose()?;
    Ok(Sink::Files { log, snapshots })
}

/// Whether what a ring holds at the end becomes a trace.
fn is_wanted(options: &RecordOptions, root: &RootEnd, ring: &Ring) -> bool {
    let save_on = options.ring.as_ref().map(|ring| ring.save_on);
    let by_signal = libc::WIFSIGNALED(root.wait_status) || ring.has_crashed();
    match save_on.unwrap_or_default() {
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

/// Let recorders answer `cpuid` where all processors give the same answers.
fn publish(arena: &Arena, processors: &Processors) {
    if processors.differing.is_empty() {
        arena.publish_cpuid(&machine::constant_leaves(&processors.leaves));
    }
}

/// What is to be supervised.
struct Supervision<'a> {
    arena: Arc<Arena>,
    files: FileTable,
    sink: Sink,
    /// Answers those who ask.
    server: Option<RingServer>,
    /// What one processor answers, while the others have not been asked.
    unknown: Option<&'a [[u32; 6]]>,
    /// The first process ran already.
    is_attached: bool,
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
fn supervise(
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

/// How system calls are caught: as wanted, if the kernel can.
fn choose_mechanism(wanted: Mechanism) -> Result<u32, SupervisorError> {
    const PR_SET_SYSCALL_USER_DISPATCH: libc::c_int = 59;
    // SAFETY: switching off what is not on; fails where the kernel lacks it.
    let dispatch = || unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0) } == 0;
    let seccomp = || {
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: no filter is installed from address 0; EFAULT says that one would have been.
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, 0, 0, 0) };
        io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
    };
    let lacks = match wanted {
        Mechanism::Dispatch | Mechanism::Auto if dispatch() => return Ok(mechanism::DISPATCH),
        Mechanism::Seccomp | Mechanism::Auto if seccomp() => return Ok(mechanism::SECCOMP),
        Mechanism::Dispatch => "Syscall User Dispatch",
        Mechanism::Seccomp => "seccomp filters",
        Mechanism::Auto => "both Syscall User Dispatch and seccomp filters",
    };
    Err(SupervisorError::NoMechanism { lacks })
}

fn fill_arena(
    arena: &Arena,
    options: &RecordOptions,
    root: &Root,
    numbers: HiddenNumbers,
    how: u32,
) -> Result<(), SupervisorError> {
    let [image, exec_name] = match root {
        Root::Program(program, _) => [
            c_path(&absolute(&program.image, options.directory.as_deref()))?,
            c_path(&program.exec_name)?,
        ],
        Root::Process(_) => [vec![0], vec![0]],
    };
    let [stdout, stderr] = root.outputs();
    arena.fill_header(|header| {
        header.mechanism = how;
        header.recorder_fd = numbers.recorder;
        header.arena_fd = numbers.arena;
        header.trace_fd = numbers.trace;
        header.tracking_fd = numbers.tracking;
        header.program_fd = numbers.program;
        header.checksum_interval = options.checksum_interval;
        header.leaves_code = options.leaves_code.into();
        header.address_space_limit = launch::address_space_limit();
        header.data_limit = launch::data_limit();
        header.chaos = options.chaos_seed.is_some().into();
        header.snapshot_events = options.snapshot_events;
        header.takes_snapshots = options.takes_snapshots().into();
        header.chaos_seed = options.chaos_seed.unwrap_or_default();
        header.stdout_identity = stdout;
        header.stderr_identity = stderr;
        header.next_process.store(1, Ordering::Relaxed);
        header.slot_hint.store(1, Ordering::Relaxed);
    });
    arena.fill_slot(0, |slot| {
        let exec = &mut slot.exec;
        exec.start = root.kind().into();
        exec.start_due = 1;
        exec.parent_process = u32::MAX;
        exec.path_length = image.len() as u32 - 1;
        exec.path[..image.len()].copy_from_slice(&image);
        exec.exec_name[..exec_name.len()].copy_from_slice(&exec_name);
        exec.descriptor_table
            .store(root.descriptor_table(numbers), Ordering::Relaxed);
        exec.descriptors[1].store(descriptor::STDOUT, Ordering::Relaxed);
        exec.descriptors[2].store(descriptor::STDERR, Ordering::Relaxed);
        slot.process.store(0, Ordering::Relaxed);
        slot.state.store(slot_state::CLAIMED, Ordering::Release);
    });
    Ok(())
}

/// The recorder opens the image from the directory the program starts in.
fn absolute(path: &Path, directory: Option<&Path>) -> PathBuf {
    match directory {
        Some(_) if path.is_relative() => env::current_dir().unwrap_or_default().join(path),
        _ => path.to_owned(),
    }
}

fn c_path(path: &Path) -> Result<Vec<u8>, SupervisorError> {
    let mut bytes = path.as_os_str().to_owned().into_vec();
    bytes.push(0);
    if bytes.len() > EXEC_PATH_MAX {
        return Err(SupervisorError::BadArgument {
            what: "the path of the program is too long",
        });
    }
    Ok(bytes)
}
