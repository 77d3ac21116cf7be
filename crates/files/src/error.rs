//! Why a file is not opened or written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file and what is wrong with it; shown as one sentence.
#[derive(Debug)]
pub struct FileError {
    pub path: PathBuf,
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// There is nothing of this name.
    Missing,
    /// It is no regular file, but this.
    NotRegular(&'static str),
    /// It has more bytes than its reader takes.
    TooLarge { size: u64, most: u64 },
    /// Another name leads to the same file, which would be changed with it.
    OtherNames,
    /// The name leads out of the directory.
    BadName,
    /// The system refuses it.
    System(io::Error),
}

impl FileError {
    pub(crate) fn new(path: impl AsRef<Path>, problem: Problem) -> FileError {
        let path = path.as_ref().to_owned();
        FileError { path, problem }
    }

    /// A short stable name for programs.
    pub fn kind(&self) -> &'static str {
        match self.problem {
            Problem::Missing => "missing",
            Problem::NotRegular(_) => "not-regular",
            Problem::TooLarge { .. } => "too-large",
            Problem::OtherNames => "other-names",
            Problem::BadName => "bad-name",
            Problem::System(_) => "system",
        }
    }

    /// As an error of the system, for those who tell no more.
    pub fn into_io(self) -> io::Error {
        match self.problem {
            Problem::System(error) => error,
            Problem::Missing => io::Error::from(io::ErrorKind::NotFound),
            _ => io::Error::other(self.to_string()),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        match error.raw_os_error() {
            Some(libc::ENOENT) => Problem::Missing,
            // What open(2) says with O_NOFOLLOW, and with O_DIRECTORY as well.
            Some(libc::ELOOP) => Problem::NotRegular("a symbolic link"),
            // A socket, or a FIFO that nobody reads.
            Some(libc::ENXIO) => Problem::NotRegular("a socket or a FIFO"),
            Some(libc::EISDIR) => Problem::NotRegular("a directory"),
            _ => Problem::System(error),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Missing => write!(f, "there is no {path}"),
            Problem::NotRegular(what) => write!(f, "{path} is {what}, not a file of a trace"),
            Problem::TooLarge { size, most } => {
                write!(
                    f,
                    "{path} has {size} bytes, more than the {most} that are read"
                )
            }
            Problem::OtherNames => {
                write!(f, "{path} is a hard link to a file that has other names")
            }
            Problem::BadName => write!(f, "{path} is no name of a file in a trace"),
            Problem::System(error) => {
                let text = error.to_string();
                let reason = text.split(" (os error").next().unwrap_or(&text);
                write!(f, "{path}: {reason}")
            }
        }
    }
}

impl std::error::Error for FileError {}
