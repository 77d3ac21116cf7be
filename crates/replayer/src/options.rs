//! Command line options (see docs/internals/replay-protocol.md).

use core::ffi::CStr;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Options {
    pub trace: &'static CStr,
    pub report: i32,
    pub output: Option<i32>,
    pub process: Option<u32>,
    pub jobs: u32,
    /// Nanoseconds between progress lines; 0: none.
    pub progress: u64,
    pub stop_event: u64,
    /// Most instructions between two events; 0: no limit.
    pub runaway: u64,
    pub trace_events: bool,
    pub sandbox: bool,
    /// Serve a client at this descriptor.
    pub control: Option<i32>,
    /// See [`crate::known_landings`].
    pub landings: Option<i32>,
    /// Stays open as long as a process of the replay lives, and is used for nothing.
    pub life: Option<i32>,
    /// So many processes replay at one moment, at most.
    pub most_processes: u32,
    /// See [`crate::shared_changes`].
    pub shared_changes: Option<i32>,
    /// Run the program's own code between events, where that can be ([`crate::native`]).
    pub native: bool,
    /// See [`crate::snapshot`].
    pub snapshots: Option<i32>,
    /// Take one when so many nanoseconds have passed since the last one; 0: none.
    pub snapshot_interval: u64,
    /// Take one behind each event with an index that is a multiple of it; 0: none. For tests.
    pub snapshot_events: u64,
    /// Take no more when the file would be larger, bytes.
    pub most_snapshots: u64,
    /// Replay the segments between them side by side.
    pub segments: bool,
    /// Begin with the one behind this event.
    pub from_event: Option<u64>,
    /// What a client is told as the work up to there.
    pub work: u64,
    /// Change the engine at events that depend on this number.
    pub engine_changes: Option<u64>,
}

/// Where nobody says how many processes a trace has.
const MOST_PROCESSES: u32 = 4096;

/// Why the command line is no good: what, and which argument.
pub type OptionError = (&'static str, &'static str);

/// Parse the arguments after the program's name. `jobs` stays 0 when not given.
pub fn parse(mut arguments: impl Iterator<Item = &'static CStr>) -> Result<Options, OptionError> {
    let mut options = Options {
        trace: c"",
        report: 1,
        output: None,
        process: None,
        jobs: 0,
        progress: 0,
        stop_event: u64::MAX,
        runaway: 0,
        trace_events: false,
        sandbox: true,
        control: None,
        landings: None,
        life: None,
        most_processes: MOST_PROCESSES,
        shared_changes: None,
        native: false,
        snapshots: None,
        snapshot_interval: 0,
        snapshot_events: 0,
        most_snapshots: u64::MAX,
        segments: false,
        from_event: None,
        work: 0,
        engine_changes: None,
    };
    let mut have_trace = false;
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or("");
        let mut number = || -> Result<u64, OptionError> {
            arguments
                .next()
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.parse().ok())
                .ok_or(("a number must follow", text))
        };
        match text {
            "--report" => options.report = number()? as i32,
            "--output" => options.output = Some(number()? as i32),
            "--process" => options.process = Some(number()? as u32),
            "--control" => options.control = Some(number()? as i32),
            "--shared-changes" => options.shared_changes = Some(number()? as i32),
            "--landings" => options.landings = Some(number()? as i32),
            "--life" => options.life = Some(number()? as i32),
            "--processes" => options.most_processes = number()? as u32,
            "--jobs" => options.jobs = number()? as u32,
            "--progress" => options.progress = number()?.saturating_mul(1_000_000),
            "--stop-event" => options.stop_event = number()?,
            "--runaway" => options.runaway = number()?,
            "--trace-events" => options.trace_events = true,
            "--engine-changes" => options.engine_changes = Some(number()?),
            "--snapshots" => options.snapshots = Some(number()? as i32),
            "--snapshot-interval" => {
                options.snapshot_interval = number()?.saturating_mul(1_000_000);
            }
            "--snapshot-events" => options.snapshot_events = number()?,
            "--most-snapshots" => options.most_snapshots = number()?,
            "--segments" => options.segments = true,
            "--work" => options.work = number()?,
            "--from-event" => options.from_event = Some(number()?),
            "--native" => options.native = true,
            "--no-sandbox" => options.sandbox = false,
            _ if text.starts_with("--") => return Err(("unknown option", text)),
            _ if have_trace => return Err(("more than one trace directory", text)),
            _ => {
                options.trace = argument;
                have_trace = true;
            }
        }
    }
    if options.control.is_some() && options.process.is_none() {
        return Err(("--process must say which process to serve", "--control"));
    }
    if options.from_event.is_some() && (options.process.is_none() || options.snapshots.is_none()) {
        return Err(("--process and --snapshots must say of what", "--from-event"));
    }
    if options.segments && (options.process.is_some() || options.snapshots.is_none()) {
        return Err(("all processes are replayed, from --snapshots", "--segments"));
    }
    if !have_trace {
        return Err(("no trace directory given", ""));
    }
    Ok(options)
}
