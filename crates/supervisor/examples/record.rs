//! `record TRACE_DIR RECORDER_ELF PROGRAM ARGUMENTS…`: a recording without Python.

use std::env;
use std::process::exit;

use reenact_supervisor::{record, Ending, RecordOptions};

fn main() {
    let mut arguments = env::args_os().skip(1);
    let (Some(trace), Some(recorder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: record TRACE_DIR RECORDER_ELF PROGRAM ARGUMENTS...");
        exit(125);
    };
    let options = RecordOptions::new(trace, recorder, arguments.collect());
    match record(&options) {
        Ok(outcome) => {
            eprintln!(
                "{} process(es), {} events, {} bytes ({} raw), {:.3} s, complete: {}, {:?}",
                outcome.processes,
                outcome.events,
                outcome.bytes,
                outcome.raw_bytes,
                outcome.duration_ns as f64 / 1e9,
                outcome.complete,
                outcome.ending,
            );
            print_cpu_time();
            for message in &outcome.messages {
                eprintln!("note: {message}");
            }
            match outcome.ending {
                Ending::Exited(status) => exit(status),
                Ending::Signaled(signal) => exit(128 + signal),
            }
        }
        Err(error) => {
            eprintln!("record: {error}");
            exit(125);
        }
    }
}

/// Processor time of this process alone: what recording costs on this side.
fn print_cpu_time() {
    // SAFETY: getrusage fills a structure of ours.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    eprintln!(
        "supervisor: {} us user, {} us system",
        micros(usage.ru_utime),
        micros(usage.ru_stime)
    );
}
