//! The first process of a recording: a program that is started, or one that runs already.

use std::env;
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use reenact_trace::event::start;

use crate::attaching::{self, AttachError, Passed, Target};
use crate::error::SupervisorError;
use crate::launch::{self, HiddenNumbers, Launch};
use crate::options::RecordOptions;
use crate::program::Program;

/// What is recorded first.
pub enum Root {
    /// A program to be started, with its environment.
    Program(Program, Vec<OsString>),
    Process(Target),
}

/// What a recorder is given.
pub struct PutIn<'a> {
    pub recorder: &'a File,
    pub arena: &'a File,
    pub trace: &'a File,
    pub numbers: HiddenNumbers,
    /// Where a program is started.
    pub directory: Option<CString>,
    pub restore_signals: bool,
    /// The limit of file sizes of a program that is started.
    pub file_sizes: [u64; 2],
}

impl Root {
    /// The process that runs already.
    pub fn attached(&self) -> Option<libc::pid_t> {
        match self {
            Root::Program(..) => None,
            Root::Process(target) => Some(target.pid()),
        }
    }

    /// How it starts, for the log.
    pub fn kind(&self) -> u16 {
        match self {
            Root::Program(..) => start::ROOT,
            Root::Process(_) => start::ATTACHED,
        }
    }

    /// Numbers for the descriptors that are hidden from it.
    ///
    /// # Errors
    /// When so many are not free.
    pub fn choose_numbers(&self) -> Result<HiddenNumbers, SupervisorError> {
        match self {
            Root::Program(..) => {
                launch::choose_numbers().map_err(|error| SupervisorError::System {
                    what: "no five file descriptors are free",
                    error,
                })
            }
            Root::Process(target) => {
                let (pid, limit) = (target.pid(), target.descriptor_limit());
                let open = target
                    .descriptors()
                    .map_err(|error| AttachError::NotPermitted { pid, error })?;
                let chosen = launch::choose_among(limit, |fd| !open.contains(fd));
                Ok(chosen.map_err(|_| AttachError::NoDescriptors { pid, limit })?)
            }
        }
    }

    /// How many descriptors the kernel's table of it has room for. One that runs may open more before it is held: as many as with
    /// the hidden ones, which the kernel makes room for.
    pub fn descriptor_table(&self, numbers: HiddenNumbers) -> u32 {
        match self {
            Root::Program(..) => launch::descriptor_table_size(),
            Root::Process(target) => {
                let with_hidden = (numbers.recorder as u32 + 1).next_power_of_two();
                let told = target.status("FDSize").parse().unwrap_or(0);
                with_hidden.max(told)
            }
        }
    }

    pub fn command(&self, options: &RecordOptions) -> Vec<OsString> {
        match self {
            Root::Program(..) => options.command.clone(),
            Root::Process(target) => target.arguments(),
        }
    }

    pub fn environment(&self) -> Vec<OsString> {
        match self {
            Root::Program(_, environment) => environment.clone(),
            Root::Process(target) => target.strings("environ"),
        }
    }

    pub fn program(&self) -> PathBuf {
        match self {
            Root::Program(program, _) => program.image.clone(),
            Root::Process(target) => fs::read_link(target.path("exe")).unwrap_or_default(),
        }
    }

    pub fn directory(&self, options: &RecordOptions) -> PathBuf {
        match (self, &options.directory) {
            (Root::Process(target), _) => fs::read_link(target.path("cwd")).unwrap_or_default(),
            (Root::Program(..), Some(directory)) => directory.clone(),
            (Root::Program(..), None) => env::current_dir().unwrap_or_default(),
        }
    }

    /// Device, inode and device number of its standard output and error; zeros for one that is closed.
    pub fn outputs(&self) -> [[u64; 3]; 2] {
        ["1", "2"].map(|number| {
            let path = match self {
                Root::Program(..) => Path::new("/proc/self/fd").join(number),
                Root::Process(target) => target.path("fd").join(number),
            };
            let told = fs::metadata(path);
            told.map_or([0; 3], |told| [told.dev(), told.ino(), told.rdev()])
        })
    }

    /// Start it, or put the recorder into it; its pid.
    ///
    /// # Errors
    /// Nothing is recorded then.
    pub fn start(&self, put_in: &PutIn<'_>) -> Result<libc::pid_t, SupervisorError> {
        match self {
            Root::Program(program, environment) => {
                let launch = Launch {
                    recorder: put_in.recorder.as_raw_fd(),
                    arena: put_in.arena.as_raw_fd(),
                    trace: put_in.trace.as_raw_fd(),
                    numbers: put_in.numbers,
                    arguments: &program.arguments,
                    name_length: program.exec_name.as_os_str().len(),
                    environment,
                    directory: put_in.directory.clone(),
                    restore_signals: put_in.restore_signals,
                    file_sizes: put_in.file_sizes,
                };
                launch.start().map_err(|error| SupervisorError::System {
                    what: "the program cannot be started",
                    error,
                })
            }
            Root::Process(target) => {
                let passed = Passed {
                    recorder: put_in.recorder,
                    arena: put_in.arena,
                    trace: put_in.trace,
                    numbers: put_in.numbers,
                };
                attaching::attach(*target, &passed)?;
                Ok(target.pid())
            }
        }
    }
}

impl From<AttachError> for SupervisorError {
    fn from(error: AttachError) -> SupervisorError {
        SupervisorError::Attach(error)
    }
}
