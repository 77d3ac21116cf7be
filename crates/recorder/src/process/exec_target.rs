//! What an `execve` comes to execute: a program, or the interpreter of a script.

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall0, syscall2, syscall4};
use reenact_trace::arena::EXEC_PATH_MAX;
use reenact_trace::binfmt_misc;

use super::program_file::ProgramFile;
use crate::files;
use crate::loader::elf::{self, Kind};
use crate::thread;

/// A path with room for its NUL.
pub type Path = [u8; EXEC_PATH_MAX];

/// Interpreters of interpreters that the kernel follows (BINPRM_... in fs/exec.c: 5 rewrites).
const MAX_SCRIPTS: usize = 5;

/// What is to be executed, after scripts have been resolved.
pub struct Target {
    pub path: Path,
    /// Arguments to put before the rest of the caller's, from the innermost script outwards.
    pub extra: [Path; 2 * MAX_SCRIPTS + 1],
    pub extra_count: usize,
    pub is_script: bool,
}

/// What keeps a file from being recorded.
#[derive(Clone, Copy)]
pub struct Obstacle {
    /// As the end of a sentence about it.
    pub what: &'static str,
    /// A filter that catches system calls for the recorder catches those of the program, too.
    pub is_trapped: bool,
}

impl Obstacle {
    /// Of a 64-bit program, as the recorder is one.
    pub const fn of(what: &'static str) -> Obstacle {
        Obstacle {
            what,
            is_trapped: true,
        }
    }
}

/// What a look at a file to execute has found.
enum Found {
    /// So many bytes of its beginning.
    Start(usize),
    Obstacle(Obstacle),
}

/// Follow `#!` lines until there is an ELF file, or an obstacle.
pub fn resolve_scripts(target: &mut Target, file: &ProgramFile) -> Result<Option<Obstacle>, i64> {
    let mut interpreter = None;
    for _ in 0..MAX_SCRIPTS {
        let mut head = [0u8; binfmt_misc::LOOK];
        let file = interpreter.as_ref().unwrap_or(file);
        let count = match inspect(file, &mut head)? {
            Found::Start(count) => count,
            Found::Obstacle(obstacle) => return Ok(Some(obstacle)),
        };
        let head = &head[..count];
        if !head.starts_with(b"#!") {
            let path = &target.path;
            let path = &path[..path.iter().position(|&byte| byte == 0).unwrap_or(0)];
            return match elf::classify(head) {
                Kind::Supported => Ok(crate::loader::check(file.descriptor)?.map(Obstacle::of)),
                Kind::Unsupported => Ok(Some(Obstacle {
                    what: "is not a 64-bit x86-64 program",
                    is_trapped: false,
                })),
                Kind::NotElf if super::binfmt_misc::applies(head, path) => Ok(Some(Obstacle::of(
                    "is run by an interpreter of binfmt_misc",
                ))),
                Kind::NotElf => Err(-ENOEXEC),
            };
        }
        let line_end = head
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(head.len());
        let line = trim(&head[2..line_end]);
        if line.is_empty() {
            return Err(-ENOEXEC);
        }
        if file.is_closed_by_exec {
            // Its interpreter could not open it (load_script in fs/binfmt_script.c).
            return Err(-ENOENT);
        }
        let split = line
            .iter()
            .position(|&byte| byte == b' ' || byte == b'\t' || byte == 0);
        let (interpreter_path, argument) = match split {
            Some(at) => (&line[..at], trim(&line[at..])),
            None => (line, &line[line.len()..]),
        };
        let argument = argument.split(|&byte| byte == 0).next().unwrap_or(&[]);
        push_front(target, interpreter_path, argument)?;
        interpreter = Some(ProgramFile::open(None, &target.path, 0)?);
    }
    Err(-ELOOP)
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = line
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(line.len());
    let end = line
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(start, |end| end + 1);
    &line[start..end]
}

/// The script becomes an argument of its interpreter.
fn push_front(target: &mut Target, interpreter: &[u8], argument: &[u8]) -> Result<(), i64> {
    if !target.is_script {
        target.extra[0] = target.path;
        target.extra_count = 1;
    }
    // Of a chain of scripts, each stays the argument of its interpreter.
    let added = if argument.is_empty() { 1 } else { 2 };
    if target.extra_count + added > target.extra.len() {
        return Err(-ELOOP);
    }
    target.extra.copy_within(..target.extra_count, added);
    for (place, text) in target.extra[..added]
        .iter_mut()
        .zip([interpreter, argument])
    {
        place.fill(0);
        place[..text.len()].copy_from_slice(text);
    }
    target.extra_count += added;
    target.is_script = true;
    target.path = [0; EXEC_PATH_MAX];
    target.path[..interpreter.len()].copy_from_slice(interpreter);
    Ok(())
}

/// Check that a file may be executed and read its first bytes.
fn inspect(file: &ProgramFile, head: &mut [u8; binfmt_misc::LOOK]) -> Result<Found, i64> {
    if file.is_unreadable {
        return Ok(Found::Obstacle(Obstacle::of("cannot be read")));
    }
    let fd = file.descriptor;
    let status = files::status(fd).ok_or(-EACCES)?;
    if !status.is_regular {
        return Err(-EACCES);
    }
    // SAFETY: system calls on our own descriptor and buffer.
    unsafe {
        let access = syscall4(
            FACCESSAT2,
            fd as u64,
            c"".as_ptr() as u64,
            1,
            AT_EMPTY_PATH | numbers::AT_EACCESS,
        );
        if access == -EACCES || (access < 0 && status.mode & 0o111 == 0) {
            return Err(-EACCES);
        }
        let (uid, gid) = (syscall0(107) as u32, syscall0(108) as u32);
        let set_user = status.mode & 0o4000 != 0 && status.uid != uid;
        let set_group = status.mode & 0o2010 == 0o2010 && status.gid != gid;
        let gains = !gains_nothing(fd);
        if gains && (set_user || set_group) {
            return Ok(Found::Obstacle(Obstacle::of(
                "is set-user-id or set-group-id",
            )));
        }
        let mut capabilities = [0u8; 64];
        let name = c"security.capability".as_ptr() as u64;
        let into = capabilities.as_mut_ptr() as u64;
        // Root has them all, whatever the file says.
        if gains && uid != 0 && syscall4(numbers::FGETXATTR, fd as u64, name, into, 64) > 0 {
            return Ok(Found::Obstacle(Obstacle::of("has file capabilities")));
        }
        let count = syscall4(PREAD64, fd as u64, head.as_mut_ptr() as u64, 256, 0);
        if count < 0 {
            return Err(count);
        }
        Ok(Found::Start(count as usize))
    }
}

/// Whether the kernel ignores what a file's mode and capabilities promise: the program has given up new privileges, or
/// the mount has no set-user-ID programs (fs/exec.c: bprm_fill_uid).
fn gains_nothing(fd: i32) -> bool {
    const ST_NOSUID: u64 = 2;
    /// Of `struct statfs`, in words.
    const FLAGS: usize = 10;
    if thread::current().confinement.no_new_privileges {
        return true;
    }
    let mut status = [0u64; 15];
    // SAFETY: struct statfs is 120 bytes.
    let known = unsafe { syscall2(numbers::FSTATFS, fd as u64, status.as_mut_ptr() as u64) };
    known == 0 && status[FLAGS] & ST_NOSUID != 0
}
