//! The files of one trace.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::error::{FileError, Problem};
use crate::private::replace_at;
use crate::regular::{open_at, open_regular_at};

/// The files of a trace directory, by their names in it: `manifest.json`, `files/3`.
///
/// The directory itself may be named by a symbolic link (a person names it); nothing in it may.
#[derive(Debug)]
pub struct TraceFiles {
    path: PathBuf,
    directory: OwnedFd,
}

impl TraceFiles {
    /// Open the directory at `path`.
    pub fn open(path: impl Into<PathBuf>) -> Result<TraceFiles, FileError> {
        let path = path.into();
        let flags = libc::O_RDONLY | libc::O_DIRECTORY;
        match open_at(None, &path, flags, 0) {
            Ok(directory) => Ok(TraceFiles { path, directory }),
            Err(error) => Err(FileError::new(path, error.into())),
        }
    }

    /// Where the directory was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Open a file of at most `most` bytes for reading.
    pub fn regular(&self, name: &str, most: u64) -> Result<File, FileError> {
        self.within(name, |directory, last| {
            open_regular_at(directory.as_fd(), last, libc::O_RDONLY, most)
        })
    }

    /// The content of a file of at most `most` bytes.
    pub fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, FileError> {
        let file = self.regular(name, most)?;
        let mut content = Vec::new();
        // A file that grows meanwhile is cut: more than `most` is never held.
        match file.take(most).read_to_end(&mut content) {
            Ok(_) => Ok(content),
            Err(error) => Err(self.failed(name, Problem::System(error))),
        }
    }

    /// Let a file have this content: whole, or as it was before. It is private.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        self.within(name, |directory, last| {
            Ok(replace_at(directory.as_fd(), last, content)?)
        })
    }

    /// Add to the end of a file, which is made if need be and never becomes larger than `most`
    /// bytes. Refuses a file that has other names: somebody may have planted a hard link.
    ///
    /// Nothing of `content` is left behind when not all of it can be written.
    pub fn append(&self, name: &str, content: &[u8], most: u64) -> Result<(), FileError> {
        self.within(name, |directory, last| {
            let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT;
            let mut file = open_regular_at(directory.as_fd(), last, flags, most)?;
            let status = file.metadata()?;
            if status.nlink() != 1 {
                return Err(Problem::OtherNames);
            }
            let size = status.size();
            if size + content.len() as u64 > most {
                let size = size + content.len() as u64;
                return Err(Problem::TooLarge { size, most });
            }
            file.write_all(content).map_err(|error| {
                drop(file.set_len(size));
                Problem::from(error)
            })
        })
    }

    /// Open a file that is there only to be locked; it is made if need be, private.
    pub fn lock_file(&self, name: &str) -> Result<File, FileError> {
        self.within(name, |directory, last| {
            let flags = libc::O_RDWR | libc::O_CREAT;
            let file = open_regular_at(directory.as_fd(), last, flags, u64::MAX)?;
            let status = file.metadata()?;
            // SAFETY: asks only.
            let is_ours = status.uid() == unsafe { libc::geteuid() };
            // The file mode mask may have taken rights away that the next one needs.
            if is_ours && status.nlink() == 1 && status.mode() & 0o7777 != 0o600 {
                file.set_permissions(Permissions::from_mode(0o600))?;
            }
            Ok(file)
        })
    }

    /// Do something with the last part of a name, in the directory that it is in.
    fn within<T>(
        &self,
        name: &str,
        action: impl FnOnce(&OwnedFd, &Path) -> Result<T, Problem>,
    ) -> Result<T, FileError> {
        let parts: Vec<Component<'_>> = Path::new(name).components().collect();
        let plain = parts
            .iter()
            .all(|part| matches!(part, Component::Normal(_)));
        let done = match (plain, parts.as_slice()) {
            (true, [last]) => action(&self.directory, last.as_ref()),
            (true, [folder, last]) => self
                .folder(folder.as_ref())
                .map_err(Problem::from)
                .and_then(|folder| action(&folder, last.as_ref())),
            _ => Err(Problem::BadName),
        };
        done.map_err(|problem| self.failed(name, problem))
    }

    fn folder(&self, name: &Path) -> io::Result<OwnedFd> {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
        open_at(Some(self.directory.as_fd()), name, flags, 0)
    }

    fn failed(&self, name: &str, problem: Problem) -> FileError {
        FileError::new(self.path.join(name), problem)
    }
}
