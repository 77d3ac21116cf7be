//! What the arena holds when the first process begins.

use std::env;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use reenact_trace::arena::{descriptor, mechanism, slot_state, EXEC_PATH_MAX};

use crate::arena_memory::Arena;
use crate::error::SupervisorError;
use crate::file_sizes::Raised;
use crate::launch::{self, HiddenNumbers};
use crate::options::{Mechanism, RecordOptions};
use crate::root::Root;

/// How system calls are caught: as wanted, if the kernel can.
pub fn choose_mechanism(wanted: Mechanism) -> Result<u32, SupervisorError> {
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

/// Fill in the header and the slot of the first process.
///
/// # Errors
/// When a path of the program is too long.
pub fn fill(
    arena: &Arena,
    options: &RecordOptions,
    root: &Root,
    numbers: HiddenNumbers,
    how: u32,
    file_sizes: &Raised,
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
        header.address_space_limit = launch::limit_of(root.attached(), libc::RLIMIT_AS);
        header.data_limit = launch::limit_of(root.attached(), libc::RLIMIT_DATA);
        header.file_size_limit = match root.attached() {
            None => file_sizes.left_alone(),
            process => launch::limit_of(process, libc::RLIMIT_FSIZE),
        };
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
