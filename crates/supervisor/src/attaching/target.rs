//! What a running process is, and what of it keeps it from being attached to.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use reenact_trace::arena::FILE_PATH_MAX;
use reenact_trace::attaching::advice;
use reenact_trace::layout::{REGION_END, REGION_START};

use super::error::AttachError;
use crate::launch::Resource;

/// More address space than the recorder takes.
const ROOM: u64 = 1 << 40;
/// `ELFCLASS32`.
const THIRTY_TWO_BIT: u8 = 1;

/// A mapping, as `/proc/PID/maps` and `smaps` tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub start: u64,
    pub end: u64,
    /// PROT_* bits.
    pub protection: u32,
    pub is_shared: bool,
    pub offset: u64,
    pub device: u64,
    pub inode: u64,
    /// Bits of [`advice`].
    pub advice: u64,
    /// As the file has it: a path, a name in brackets, or nothing.
    pub name: Vec<u8>,
}

/// A process, by what `/proc` tells.
#[derive(Clone, Copy)]
pub struct Target {
    pid: libc::pid_t,
}

impl Target {
    /// # Errors
    /// When there is no such process.
    pub fn new(pid: libc::pid_t) -> Result<Target, AttachError> {
        let target = Target { pid };
        match target.read("stat") {
            Ok(_) if pid > 0 => Ok(target),
            _ => Err(AttachError::NoProcess { pid }),
        }
    }

    pub fn pid(&self) -> libc::pid_t {
        self.pid
    }

    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }

    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name))
    }

    /// A field of `/proc/PID/status`.
    pub fn status(&self, field: &str) -> String {
        let text = self.read("status").unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// What can be said before it has been touched.
    pub fn check(&self) -> Result<(), AttachError> {
        let pid = self.pid;
        let refused = |what| Err(AttachError::Refused { pid, what });
        if pid as u32 == std::process::id() {
            return refused("is this command itself");
        }
        let group = self.status("Tgid");
        if group != pid.to_string() && !group.is_empty() {
            return Err(AttachError::Thread { pid, of: group });
        }
        if self.status("VmSize").is_empty() {
            return refused(match self.status("State").chars().next() {
                Some('Z') if self.status("Threads") != "1" => {
                    "goes on without its first thread, which is not supported yet"
                }
                Some('Z' | 'X') | None => "has ended: there is nothing to record",
                Some(_) => "is a thread of the kernel: only programs can be recorded",
            });
        }
        let tracer = self.status("TracerPid");
        if tracer != "0" && !tracer.is_empty() {
            return Err(AttachError::Traced { pid, by: tracer });
        }
        // The copy that the first snapshot is made of would be there, and whoever is first there waits for its end.
        let [own, childrens] =
            ["ns/pid", "ns/pid_for_children"].map(|name| fs::read_link(self.path(name)).ok());
        if own != childrens {
            return refused("has its children begin in another pid namespace (unshare), which is not supported yet: attach to one of them");
        }
        if self.status("Seccomp") != "0" {
            return refused("has seccomp filters of its own, which is not supported yet");
        }
        let limit = self.limit(libc::RLIMIT_AS);
        if limit < ROOM {
            return Err(AttachError::AddressSpace { pid, limit });
        }
        match self.class() {
            Ok(THIRTY_TWO_BIT) => {
                return refused("is a 32-bit program; only 64-bit ones can be recorded")
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(AttachError::NotPermitted { pid, error });
            }
            // Its program is gone: it need not be found.
            Err(_) => {}
        }
        Ok(())
    }

    /// What sort of ELF file its program is (`EI_CLASS`, elf(5)).
    fn class(&self) -> io::Result<u8> {
        let mut class = [0];
        fs::File::open(self.path("exe"))?.read_exact_at(&mut class, 4)?;
        Ok(class[0])
    }

    /// The fields of its or a thread's `stat` (proc(5)), from the third on.
    fn stat(&self, name: &str) -> Vec<String> {
        let stat = self.read(name).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat).into_owned();
        // The name in parentheses may have anything in it.
        let after = stat.rsplit(')').next().unwrap_or_default();
        after.split_whitespace().map(str::to_owned).collect()
    }

    fn limit(&self, resource: Resource) -> u64 {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: a structure of ours. Where it is not told, it is nothing.
        unsafe { libc::prlimit(self.pid, resource, std::ptr::null(), &mut limit) };
        limit.rlim_cur
    }

    /// Whoever has all of its memory in common with it, as far as we may look.
    pub fn companion(&self) -> Option<libc::pid_t> {
        /// KCMP_VM (include/uapi/linux/kcmp.h).
        const MEMORY: libc::c_long = 1;
        let is_same = |other: libc::pid_t| {
            // SAFETY: compares.
            let order = unsafe { libc::syscall(libc::SYS_kcmp, self.pid, other, MEMORY, 0, 0) };
            order == 0
        };
        processes().find(|&other| other != self.pid && is_same(other))
    }

    /// Whether a thread of it is about to be gone.
    pub fn has_ended(&self, tid: libc::pid_t) -> bool {
        let fields = self.stat(&format!("task/{tid}/stat"));
        fields
            .first()
            .is_none_or(|state| state.starts_with(['Z', 'X']))
    }

    /// Its threads, the first one first.
    pub fn threads(&self) -> io::Result<Vec<libc::pid_t>> {
        let entries = fs::read_dir(self.path("task"))?;
        let mut threads: Vec<libc::pid_t> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        threads.sort_by_key(|&tid| (tid != self.pid, tid));
        Ok(threads)
    }

    /// What it has mapped: by `maps` or, with the advice that was given for it, which takes longer, by `smaps`.
    pub fn mappings(&self, name: &str) -> io::Result<Vec<Mapped>> {
        let maps = self.read(name)?;
        let mut found: Vec<Mapped> = Vec::new();
        for line in maps.split(|&byte| byte == b'\n') {
            match (line.strip_prefix(b"VmFlags:"), found.last_mut()) {
                (Some(flags), Some(last)) => last.advice = parse_advice(flags),
                _ => found.extend(parse(line)),
            }
        }
        Ok(found)
    }

    /// Descriptors that it has open.
    pub fn descriptors(&self) -> io::Result<Vec<i32>> {
        let entries = fs::read_dir(self.path("fd"))?;
        Ok(entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect())
    }

    /// Where its heap segment starts (proc(5): field 47 of `/proc/PID/stat`).
    pub fn heap_start(&self) -> u64 {
        let fields = self.stat("stat");
        let field = fields.get(47 - 3);
        field.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// How long its stack may become, in whole pages.
    pub fn stack_limit(&self) -> u64 {
        // One without a limit grows until it meets a mapping; a gigabyte is room enough.
        self.limit(libc::RLIMIT_STACK).min(1 << 30) & !4095
    }

    /// Most descriptors that it may have.
    pub fn descriptor_limit(&self) -> i32 {
        i32::try_from(self.limit(libc::RLIMIT_NOFILE)).unwrap_or(i32::MAX)
    }

    /// Its arguments or environment, each with its NUL taken away.
    pub fn strings(&self, name: &str) -> Vec<OsString> {
        split_strings(&self.read(name).unwrap_or_default())
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// Its arguments; where it has written something else there, as servers do, what that says.
    pub fn arguments(&self) -> Vec<OsString> {
        let arguments: Vec<OsString> =
            split_strings(&self.read("cmdline").unwrap_or_default()).collect();
        if self.argument_count() == Some(arguments.len() as u64) {
            return arguments;
        }
        self.strings("cmdline")
    }

    /// How many it was started with: at the beginning of its stack (proc(5): field 28 of `/proc/PID/stat`).
    fn argument_count(&self) -> Option<u64> {
        let at = self.stat("stat").get(28 - 3)?.parse().ok()?;
        let mut bytes = [0; 8];
        let memory = fs::File::open(self.path("mem")).ok()?;
        memory.read_exact_at(&mut bytes, at).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// What of its memory is not to be recorded yet.
    pub fn check_memory(&self, mappings: &[Mapped], others: &Others) -> Result<(), AttachError> {
        let pid = self.pid;
        for mapped in mappings {
            if mapped.start < REGION_END && mapped.end > REGION_START {
                return Err(AttachError::Refused {
                    pid,
                    what: "is recorded already, or the recorder is still in it (reenact detach PID takes it out), or it has mapped something where the recorder has to be",
                });
            }
            let is_special = mapped.name.starts_with(b"anon_inode:") || mapped.name == b"/[aio]";
            let is_lost =
                mapped.is_changeable() && !mapped.is_anonymous() && !self.can_find(mapped);
            if is_special || is_lost || mapped.name.len() >= FILE_PATH_MAX || others.have(mapped) {
                let name = String::from_utf8_lossy(&mapped.name).into_owned();
                return Err(AttachError::Shared { pid, name });
            }
        }
        Ok(())
    }

    /// Whether a mapped file is where its path leads to in the process.
    fn can_find(&self, mapped: &Mapped) -> bool {
        let path = OsStr::from_bytes(mapped.name.strip_prefix(b"/").unwrap_or_default());
        let found = fs::metadata(self.path("root").join(path));
        found.is_ok_and(|found| found.ino() == mapped.inode)
    }
}

impl Mapped {
    /// Whether others see what is stored there, or store something that is seen there.
    pub fn is_changeable(&self) -> bool {
        self.is_shared && self.protection & libc::PROT_WRITE as u32 != 0
    }

    /// Whether it is memory without a file that others can find.
    pub fn is_anonymous(&self) -> bool {
        !self.name.starts_with(b"/") || self.name == b"/dev/zero (deleted)"
    }
}

/// Memory that other processes share with whoever has it, too.
pub struct Others(HashSet<(u64, u64)>);

impl Others {
    /// Nobody.
    pub fn none() -> Others {
        Others(HashSet::new())
    }

    /// What all processes but one have mapped so, as far as we may look.
    pub fn of(pid: libc::pid_t) -> Others {
        let mut found = HashSet::new();
        for pid in processes().filter(|&other| other != pid) {
            let mapped = Target { pid }.mappings("maps").unwrap_or_default();
            let shared = mapped.iter().filter(|one| one.is_changeable());
            found.extend(shared.map(|one| (one.device, one.inode)));
        }
        Others(found)
    }

    fn have(&self, mapped: &Mapped) -> bool {
        mapped.is_changeable() && self.0.contains(&(mapped.device, mapped.inode))
    }
}

/// All processes there are, as far as we may look.
fn processes() -> impl Iterator<Item = libc::pid_t> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Strings that each end with a NUL.
fn split_strings(bytes: &[u8]) -> impl Iterator<Item = OsString> + '_ {
    let strings = bytes.split_inclusive(|&byte| byte == 0);
    strings.map(|text| OsStr::from_bytes(text.strip_suffix(b"\0").unwrap_or(text)).to_owned())
}

/// Flags of two letters (proc(5)).
fn parse_advice(flags: &[u8]) -> u64 {
    let known = [
        (b"dc", advice::LEFT_OUT),
        (b"wf", advice::WIPED),
        (b"dp", advice::DROPPABLE),
    ];
    let words = flags.split(|&byte| byte == b' ');
    let bits = words.filter_map(|word| known.iter().find(|(name, _)| name.as_slice() == word));
    bits.fold(0, |all, &(_, bit)| all | bit)
}

fn parse(line: &[u8]) -> Option<Mapped> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split_whitespace();
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?.as_bytes();
    let offset = number(words.next()?)?;
    let (major, minor) = words.next()?.split_once(':')?;
    let inode = words.next()?.parse().ok()?;
    let protection = [libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC];
    let protection = protection
        .iter()
        .zip(rights)
        .filter(|(_, &right)| right != b'-');
    // A path begins at a fixed column, and may have blanks in it.
    let name = line.iter().position(|&byte| byte == b'/' || byte == b'[');
    let name = name.or_else(|| line.windows(5).position(|part| part == b"anon_"));
    let (major, minor) = (number(major)? as u32, number(minor)? as u32);
    Some(Mapped {
        start: number(start)?,
        end: number(end)?,
        protection: protection.map(|(&bit, _)| bit as u32).sum(),
        is_shared: rights.get(3) == Some(&b's'),
        offset,
        device: libc::makedev(major, minor),
        inode,
        advice: 0,
        name: name.map_or_else(Vec::new, |at| line[at..].to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line = b"7f00-7f10 r-xp 00001000 08:02 42                 /usr/lib/a b.so (deleted)";
        let mapped = parse(line).expect("a line as the kernel writes it");
        assert_eq!(
            (mapped.start, mapped.end, mapped.offset),
            (0x7f00, 0x7f10, 0x1000)
        );
        assert_eq!(mapped.protection, 5);
        assert_eq!((mapped.device, mapped.inode), (libc::makedev(8, 2), 42));
        assert_eq!(mapped.name, b"/usr/lib/a b.so (deleted)");
        let anonymous = parse(b"1000-2000 rw-s 00000000 00:00 0 ").expect("a line without a name");
        assert!(anonymous.is_shared && anonymous.name.is_empty());
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"Rss:                 100 kB"), None);
        assert_eq!(parse_advice(b" rd wr mr dc sd"), advice::LEFT_OUT);
        assert_eq!(parse_advice(b" rd dcx "), 0);
    }

    #[test]
    fn this_process() {
        let target = Target::new(std::process::id() as libc::pid_t).expect("it runs");
        assert!(matches!(target.check(), Err(AttachError::Refused { .. })));
        assert!(target.heap_start() != 0);
        assert!(!target
            .mappings("smaps")
            .expect("they can be read")
            .is_empty());
        assert!(matches!(
            Target::new(-1),
            Err(AttachError::NoProcess { .. })
        ));
    }
}
