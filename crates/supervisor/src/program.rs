//! Finding the program of a command as the kernel and `execvp` do.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use reenact_trace::binfmt_misc;

use crate::error::SupervisorError;

/// Bytes of a file the kernel looks at (`BINPRM_BUF_SIZE`, include/uapi/linux/binfmts.h).
const LOOK: usize = binfmt_misc::LOOK;
/// Scripts that may follow one another (`exec_binprm`, fs/exec.c).
const MAX_SCRIPTS: usize = 5;
const ELF_MACHINE_X86_64: u16 = 62;

/// A program ready to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The ELF file to load: the program, or the interpreter of a script.
    pub image: PathBuf,
    /// The path given to `execve`; becomes AT_EXECFN and gives the process its name.
    pub exec_name: PathBuf,
    /// Arguments as the program sees them.
    pub arguments: Vec<OsString>,
}

enum Format {
    Elf,
    Script {
        interpreter: PathBuf,
        argument: Option<OsString>,
    },
}

/// Find what `command` runs: through `search_path` (a PATH value) when it has no slash,
/// through `#!` lines.
pub fn resolve(
    command: &[OsString],
    search_path: Option<&OsStr>,
) -> Result<Program, SupervisorError> {
    let name = command.first().filter(|name| !name.is_empty());
    let name = name.ok_or(SupervisorError::EmptyCommand)?;
    if command
        .iter()
        .any(|argument| argument.as_bytes().contains(&0))
    {
        return Err(SupervisorError::BadArgument {
            what: "an argument contains a NUL byte",
        });
    }
    let exec_name = find(name, search_path)?;
    let mut arguments = command.to_vec();
    let mut image = exec_name.clone();
    for _ in 0..=MAX_SCRIPTS {
        match inspect(&image)? {
            Format::Elf => {
                return Ok(Program {
                    image,
                    exec_name,
                    arguments,
                })
            }
            Format::Script {
                interpreter,
                argument,
            } => {
                let mut head = vec![interpreter.clone().into_os_string()];
                head.extend(argument);
                head.push(image.into_os_string());
                arguments.splice(0..1, head);
                image = interpreter;
            }
        }
    }
    Err(SupervisorError::BadScript {
        path: exec_name,
        reason: "leads through too many scripts",
    })
}

/// The first executable file of that name, as `execvp` looks for it.
fn find(name: &OsStr, search_path: Option<&OsStr>) -> Result<PathBuf, SupervisorError> {
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let search_path = search_path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    let mut refused = None;
    for directory in search_path.as_bytes().split(|&byte| byte == b':') {
        let directory = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        let path = Path::new(OsStr::from_bytes(directory)).join(name);
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => continue,
            Ok(_) if may_execute(&path).is_ok() => return Ok(path),
            Ok(_) => refused = refused.or(Some(path)),
            Err(_) => continue,
        }
    }
    match refused {
        Some(path) => {
            let error = io::Error::from_raw_os_error(libc::EACCES);
            Err(SupervisorError::NotExecutable { path, error })
        }
        None => Err(SupervisorError::CommandNotFound {
            command: name.to_string_lossy().into_owned(),
        }),
    }
}

fn may_execute(path: &Path) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a NUL-terminated path; the call changes nothing.
    let result =
        unsafe { libc::faccessat(libc::AT_FDCWD, name.as_ptr(), libc::X_OK, libc::AT_EACCESS) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn inspect(path: &Path) -> Result<Format, SupervisorError> {
    let owned = || path.to_path_buf();
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(SupervisorError::NotExecutable {
                path: owned(),
                error,
            });
        }
        Err(_) => {
            return Err(SupervisorError::CommandNotFound {
                command: path.display().to_string(),
            });
        }
    };
    if metadata.is_dir() {
        return Err(SupervisorError::IsDirectory { path: owned() });
    }
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        let error = io::Error::from_raw_os_error(libc::EACCES);
        return Err(SupervisorError::NotExecutable {
            path: owned(),
            error,
        });
    }
    may_execute(path).map_err(|error| SupervisorError::NotExecutable {
        path: owned(),
        error,
    })?;
    let mut start = Vec::with_capacity(LOOK);
    File::open(path)
        .and_then(|file| file.take(LOOK as u64).read_to_end(&mut start))
        .map_err(|error| SupervisorError::NotExecutable {
            path: owned(),
            error,
        })?;
    let format = parse_start(path, &start).map_err(|error| match interpreter(path, &start) {
        Some(interpreter) => SupervisorError::Interpreted {
            path: owned(),
            interpreter,
        },
        None => error,
    })?;
    let privileged = gains_privileges(&metadata) || has_capabilities(path);
    if matches!(format, Format::Elf) && privileged {
        return Err(SupervisorError::Privileged { path: owned() });
    }
    if matches!(format, Format::Elf) {
        check_headers(path, &start)?;
    }
    Ok(format)
}

fn gains_privileges(metadata: &std::fs::Metadata) -> bool {
    let mode = metadata.mode();
    // SAFETY: these calls have no preconditions.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    (mode & libc::S_ISUID != 0 && metadata.uid() != user)
        || (mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0 && metadata.gid() != group)
}

/// Whether the file gives capabilities to whoever executes it. Root has them all.
fn has_capabilities(path: &Path) -> bool {
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    let attribute = c"security.capability".as_ptr();
    // SAFETY: NUL-terminated strings; without a buffer the call only tells the size.
    unsafe {
        libc::geteuid() != 0
            && libc::getxattr(name.as_ptr(), attribute, std::ptr::null_mut(), 0) > 0
    }
}

/// Whether the kernel could read a program's headers, and its dynamic linker is there
/// (fs/binfmt_elf.c).
fn check_headers(path: &Path, start: &[u8]) -> Result<(), SupervisorError> {
    const HEADER: usize = 56;
    const DYNAMIC_LINKER: u32 = 3;
    let damaged = || SupervisorError::Damaged {
        path: path.to_path_buf(),
    };
    let linker = || -> Option<Option<Vec<u8>>> {
        let table_at = u64::from_le_bytes(start.get(32..40)?.try_into().ok()?);
        let size = u16::from_le_bytes(start.get(54..56)?.try_into().ok()?);
        let count = u16::from_le_bytes(start.get(56..58)?.try_into().ok()?);
        if usize::from(size) != HEADER || count == 0 {
            return None;
        }
        let file = File::open(path).ok()?;
        let mut table = vec![0; HEADER * usize::from(count)];
        file.read_exact_at(&mut table, table_at).ok()?;
        let word =
            |header: &[u8], at: usize| Some(u64::from_le_bytes(*header[at..].first_chunk()?));
        let named = |header: &&[u8]| header[..4] == DYNAMIC_LINKER.to_le_bytes();
        let Some(header) = table.chunks_exact(HEADER).find(named) else {
            return Some(None);
        };
        let mut name = vec![
            0;
            usize::try_from(word(header, 32)?)
                .ok()
                .filter(|&n| n <= 4096)?
        ];
        file.read_exact_at(&mut name, word(header, 8)?).ok()?;
        (name.pop()? == 0).then_some(Some(name))
    };
    match linker().ok_or_else(damaged)? {
        Some(name) if !Path::new(OsStr::from_bytes(&name)).exists() => {
            Err(SupervisorError::NoLinker {
                path: path.to_path_buf(),
                linker: PathBuf::from(OsStr::from_bytes(&name)),
            })
        }
        _ => Ok(()),
    }
}

/// The interpreter that a rule of binfmt_misc names for a file that begins so.
fn interpreter(path: &Path, start: &[u8]) -> Option<PathBuf> {
    let start = &start[..start.len().min(LOOK)];
    let rules = fs::read_dir(binfmt_misc::DIRECTORY).ok()?;
    rules.flatten().find_map(|rule| {
        let rule = fs::read(rule.path()).ok()?;
        let found = binfmt_misc::interpreter(&rule, start, path.as_os_str().as_bytes())?;
        Some(PathBuf::from(OsStr::from_bytes(found)))
    })
}

fn parse_start(path: &Path, start: &[u8]) -> Result<Format, SupervisorError> {
    let owned = || path.to_path_buf();
    if start.starts_with(b"\x7fELF") {
        // The shortest header, of a 32-bit file, has 52 bytes.
        let (Some(&class), Some(machine), Some(_)) =
            (start.get(4), start.get(18..20), start.get(51))
        else {
            return Err(SupervisorError::NotAProgram { path: owned() });
        };
        let machine = u16::from_le_bytes([machine[0], machine[1]]);
        return match (class, machine) {
            (2, ELF_MACHINE_X86_64) => Ok(Format::Elf),
            (1, 3 | ELF_MACHINE_X86_64) => Err(SupervisorError::ThirtyTwoBit { path: owned() }),
            _ => Err(SupervisorError::ForeignArchitecture {
                path: owned(),
                machine,
            }),
        };
    }
    if start.starts_with(b"#!") {
        return parse_script(path, &start[2..]);
    }
    Err(SupervisorError::NotAProgram { path: owned() })
}

/// `#!` as fs/binfmt_script.c reads it: blanks, interpreter, blanks, the rest as one argument
/// without trailing blanks.
fn parse_script(path: &Path, text: &[u8]) -> Result<Format, SupervisorError> {
    let bad = |reason| SupervisorError::BadScript {
        path: path.to_path_buf(),
        reason,
    };
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let newline = text.iter().position(|&byte| byte == b'\n');
    let line = &text[..newline.unwrap_or(text.len())];
    let begin = line
        .iter()
        .position(|byte| !blank(byte))
        .ok_or(bad("names no interpreter"))?;
    let end = line
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(begin, |last| last + 1);
    let line = &line[begin..end];
    let name_end = line
        .iter()
        .position(|byte| blank(byte) || *byte == 0)
        .unwrap_or(line.len());
    if newline.is_none() && name_end == line.len() && text.len() + 2 >= LOOK {
        return Err(bad("is too long"));
    }
    let rest = &line[name_end..];
    let argument = rest
        .iter()
        .position(|byte| !blank(byte))
        .map(|at| &rest[at..]);
    let argument = argument.map(|bytes| bytes.split(|&byte| byte == 0).next().unwrap_or(bytes));
    Ok(Format::Script {
        interpreter: PathBuf::from(OsStr::from_bytes(&line[..name_end])),
        argument: argument
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| OsString::from_vec(bytes.to_vec())),
    })
}
