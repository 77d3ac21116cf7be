//! The directory of a trace: making it, taking it away, and giving another one its files.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use reenact_files::{create_private, create_private_directory, make_private};
use reenact_trace::arena::KEPT_FILE_MODE;

use crate::error::SupervisorError;

/// Create the directory, or take an empty one; whether it is new.
pub fn create(path: &Path) -> Result<bool, SupervisorError> {
    let trace_error = |error| SupervisorError::Trace {
        path: path.to_owned(),
        error,
    };
    match fs::DirBuilder::new().mode(0o700).create(path) {
        // The file mode mask may have taken the owner's rights away.
        Ok(()) => make_private(path).map(|()| true).map_err(trace_error),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
                // Everything in it is for its owner's eyes only, and so is it.
                Ok(true) => make_private(path).map(|()| false).map_err(trace_error),
                Ok(false) => Err(SupervisorError::TraceExists {
                    path: path.to_owned(),
                }),
                Err(error) => Err(trace_error(error)),
            }
        }
        Err(error) => Err(trace_error(error)),
    }
}

/// Remove what we have put into the directory of a trace; the directory too, if it was `created` by us.
pub fn remove(path: &Path, created: bool) {
    for name in [
        "events",
        "snapshots",
        "files.jsonl",
        "landings",
        "manifest.json",
    ] {
        drop(fs::remove_file(path.join(name)));
    }
    drop(fs::remove_dir_all(path.join("files")));
    if created {
        drop(fs::remove_dir(path));
    }
}

/// Give a directory the kept files of another trace, by links where that is possible, and no landings.
pub fn copy_files(from: &Path, target: &Path) -> io::Result<()> {
    let (source, files) = (from.join("files"), target.join("files"));
    // The list may grow meanwhile, and it names none before it is there.
    let list = fs::read(from.join("files.jsonl"))?;
    create_private_directory(&files)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let copy = files.join(entry.file_name());
        if fs::hard_link(entry.path(), &copy).is_err() {
            fs::copy(entry.path(), &copy)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(KEPT_FILE_MODE))?;
        }
    }
    let mut written = create_private(&target.join("files.jsonl"))?;
    io::Write::write_all(&mut written, &list)?;
    create_private(&target.join("landings")).map(drop)
}
