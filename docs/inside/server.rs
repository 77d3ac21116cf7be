//! The C library from Rust. A build script has the `cc` crate compile `reenact.c`.
use std::ffi::{c_char, c_int, CStr, CString};
use std::ptr;

#[repr(C)]
struct Options {
    trace: *const c_char,
    ring: usize,
    save_on: *const c_char,
    command: *const c_char,
}

extern "C" {
    fn reenact_start(options: *const Options) -> c_int;
    fn reenact_stop(path: *mut c_char, size: usize) -> c_int;
    fn reenact_error() -> *const c_char;
}

/// Why the last call failed.
fn error() -> String {
    // SAFETY: a text with a NUL, of this thread, until its next call.
    unsafe { CStr::from_ptr(reenact_error()) }.to_string_lossy().into_owned()
}

/// Record this process to a new directory.
fn start(trace: &str) -> Result<(), String> {
    let trace = CString::new(trace).map_err(|error| error.to_string())?;
    let options = Options {
        trace: trace.as_ptr(),
        ring: 0,
        save_on: ptr::null(),
        command: ptr::null(),
    };
    // SAFETY: the options and what they name outlive the call.
    if unsafe { reenact_start(&options) } == 0 { Ok(()) } else { Err(error()) }
}

/// Record no longer.
fn stop() -> Result<(), String> {
    // SAFETY: no path is asked for.
    if unsafe { reenact_stop(ptr::null_mut(), 0) } == 0 { Ok(()) } else { Err(error()) }
}

fn main() -> Result<(), String> {
    let trace = std::env::args().nth(1).ok_or("no directory was named")?;
    start(&trace)?;
    let workers: Vec<_> = (0..3u64)
        .map(|number| std::thread::spawn(move || (0..1000).fold(number, |sum, step| sum * 31 % 1_000_003 + step)))
        .collect();
    let sums: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap_or(0)).collect();
    stop()?;
    println!("{sums:?}");
    Ok(())
}
