//! Where a trace goes that was given no place: where the whole package puts it, too.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reenact_files::{create_private_directory, make_private};

use crate::failure::Failure;

const HINT: &str = "choose another place with -o TRACE or REENACT_TRACE_DIR";

/// Make the directory `PROGRAM-N`.
pub fn new_trace(program: &OsStr) -> Result<PathBuf, Failure> {
    let home = home().ok_or_else(|| {
        Failure::new(
            "there is no place for traces: HOME is not set",
            "name one: reenact-recorder record -o TRACE -- PROGRAM",
        )
    })?;
    let name = Path::new(program).file_name().unwrap_or(program);
    make(&home, &name.to_string_lossy()).map_err(|error| {
        let what = format!("cannot make a trace directory in {}", home.display());
        Failure::system(&what, &error, HINT)
    })
}

/// Remove it when nothing was recorded.
pub fn forget(trace: &Path) {
    // One that holds something stays.
    drop(fs::remove_dir(trace));
}

fn make(home: &Path, name: &str) -> io::Result<PathBuf> {
    create_private_directory(home)?;
    let mut number = 1;
    loop {
        let path = home.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            // A trace holds everything the program read: for its owner's eyes only.
            Ok(()) => return make_private(&path).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn home() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(chosen) = variable("REENACT_TRACE_DIR") {
        return Some(PathBuf::from(chosen));
    }
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    // The XDG specification: a relative path is invalid and to be ignored.
    let data =
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("reenact"))
}
