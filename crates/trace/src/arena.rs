//! The arena: one shared-memory file (memfd) between the supervisor and all recorded
//! processes of a recording. Header and file table first, then one slot per process.
//!
//! A slot is a control block and a ring of bytes. The process writes event records at
//! `head` and publishes; the supervisor reads up to `head` and advances `tail`. Only
//! whole events are ever published, so whatever is in the ring when a process dies is good.

use core::mem::offset_of;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicU8, Ordering};

use crate::FileIdentity;

/// Begins the arena. A recorder and a supervisor of two builds that do not agree about where things are in it have
/// different ones, and do not begin.
pub const ARENA_MAGIC: u64 = 0x616e_6572_6174_6365 ^ LAYOUT;
const LAYOUT: u64 = (offset_of!(ArenaHeader, file_cache) as u64) << 48
    | (offset_of!(Slot, exec) as u64) << 32
    | (offset_of!(ArenaHeader, files) as u64) << 16;

/// `si_value` of signals that the supervisor passes on to the program (`si_code` SI_QUEUE).
pub const FORWARDED: u64 = 0x6472_6177_726f_6621;

/// `si_value` of preemption requests (SIGSYS, `si_code` SI_QUEUE), plus a bit: [`PREEMPT_NOW`] or
/// [`PREEMPT_IF_SPINNING`].
pub const PREEMPTION: u64 = 0x726f_6f6d_726f_6f6d;
/// To let others run.
pub const PREEMPT_NOW: u32 = 1;
/// To do so if it waits in a loop for what others are to do.
pub const PREEMPT_IF_SPINNING: u32 = 2;

/// Offset of the table of CPUID answers ([`ArenaHeader::cpuid_answers`]), in the header's page.
pub const CPUID_TABLE_OFFSET: u64 = 1024;
/// Most entries of that table. An entry is leaf, subleaf, eax, ebx, ecx, edx.
pub const CPUID_TABLE_ENTRIES: usize = 128;
/// Subleaf of an entry whose leaf has none: ecx does not matter.
pub const ANY_SUBLEAF: u32 = u32::MAX;
/// Offset of the file table in the arena.
pub const FILE_TABLE_OFFSET: u64 = 1 << 20;
/// Entries of the file table.
pub const FILE_TABLE_ENTRIES: usize = 16384;
/// Offset of the pool of instruction sites ([`FileEntry::sites`] indexes it).
pub const SITE_POOL_OFFSET: u64 = 64 << 20;
/// Number of u64 entries in the site pool.
pub const SITE_POOL_ENTRIES: usize = 1 << 20;
/// Offset of the first slot.
pub const SLOTS_OFFSET: u64 = 128 << 20;
/// Bytes from one slot to the next.
pub const SLOT_STRIDE: u64 = 8 << 20;
/// Number of slots: the most processes recorded at one moment.
pub const SLOT_COUNT: usize = 4096;
/// Offset of the ring within a slot.
pub const RING_OFFSET: u64 = 64 << 10;
/// Bytes of a ring; a power of two.
pub const RING_SIZE: u64 = 4 << 20;
/// Bytes of the whole arena file (sparse).
pub const ARENA_SIZE: u64 = SLOTS_OFFSET + SLOT_COUNT as u64 * SLOT_STRIDE;
/// How much higher than the program's the kernel's limits of a recorded process are, where the recorder has them so; more
/// than it maps, and than its files have.
pub const LIMIT_MARGIN: u64 = 1 << 40;

/// Values of `ArenaHeader::state`.
pub mod state {
    pub const RECORDING: u32 = 0;
    /// The supervisor stopped taking data (disk full, told to stop): programs go on unrecorded.
    pub const STOPPED: u32 = 1;
}

/// How system calls are caught.
pub mod mechanism {
    /// Syscall User Dispatch (Linux 5.11).
    pub const DISPATCH: u32 = 0;
    /// A seccomp filter that traps by instruction pointer.
    pub const SECCOMP: u32 = 1;
}

/// Set by the kernel in [`ArenaHeader::supervisor`] when the supervisor is gone
/// (FUTEX_OWNER_DIED, include/uapi/linux/futex.h).
pub const OWNER_DIED: u32 = 0x4000_0000;

/// First page of the arena.
#[repr(C)]
pub struct ArenaHeader {
    pub magic: u64,
    pub format_version: u32,
    /// A robust futex that a thread of the supervisor owns as long as it records; the word is that
    /// thread's id. Its end, however it comes, is seen here by everybody and in every pid namespace.
    pub supervisor: AtomicU32,
    /// [`state`].
    pub state: AtomicU32,
    /// 1: somebody wants the recording to end, and the supervisor has to see to it.
    pub end_wanted: AtomicU32,
    /// Next process number.
    pub next_process: AtomicU32,
    /// Orders events of different processes ([`crate::Tag::Sequence`]).
    pub sequence: AtomicU64,
    /// Held by whoever writes to the output that the recording began with while others may: 0 free, 1 held, 2 held and waited
    /// for. Of a holder that was killed it is taken over.
    pub output_lock: AtomicU32,
    /// Futex: producers add 1 and wake when the supervisor sleeps and has something to do.
    pub doorbell: AtomicU32,
    /// 1 while the supervisor sleeps on the doorbell.
    pub supervisor_sleeping: AtomicU32,
    /// [`mechanism`].
    pub mechanism: u32,
    /// Descriptor numbers held open in every recorded process, hidden from the program; they are
    /// consecutive: `program_fd + 4 == tracking_fd + 3 == trace_fd + 2 == arena_fd + 1 == recorder_fd`.
    pub recorder_fd: i32,
    pub arena_fd: i32,
    /// The trace directory.
    pub trace_fd: i32,
    /// Free for a descriptor about the process's memory.
    pub tracking_fd: i32,
    /// The program that the process runs.
    pub program_fd: i32,
    /// The limit of address space (RLIMIT_AS: soft, hard) that the recording began with.
    pub address_space_limit: [u64; 2],
    /// The same for data, and for the sizes of files.
    pub data_limit: [u64; 2],
    pub file_size_limit: [u64; 2],
    /// Checksum memory every so many system calls; 0: never.
    pub checksum_interval: u64,
    /// 1: nothing is put into the program's code. Instructions whose results differ are recorded where they trap by themselves.
    pub leaves_code: u32,
    /// Device, inode and device number of the standard output and error at the start.
    pub stdout_identity: [u64; 3],
    pub stderr_identity: [u64; 3],
    /// Entries of the file table in use.
    pub files: AtomicU32,
    /// 1 once the first image has installed the seccomp filter ([`mechanism::SECCOMP`]).
    pub filter_installed: AtomicU32,
    /// Entries of the site pool in use.
    pub sites: AtomicU64,
    /// Next slot to try when looking for a free one (a hint).
    pub slot_hint: AtomicU32,
    /// Signals held longer than 100 ms because no system call came, over all processes.
    pub not_landable: AtomicU32,
    /// Where the kernel puts vvar and vDSO, learned by the first image: number of mappings, then
    /// for each its distance below (or at) the vDSO and its length, bytes.
    pub vdso_layout: [AtomicU64; 1 + 2 * VDSO_MAPPINGS],
    /// 1: threads are scheduled at random ([`Self::chaos_seed`]), not fairly.
    pub chaos: u32,
    /// Numbers of shared objects given out ([`crate::sharing`]).
    pub objects: AtomicU32,
    pub chaos_seed: u64,
    /// Entries of the table of CPUID answers, 0 until all processors are known to give the same:
    /// the instruction itself leaves a virtual machine, which takes it microseconds.
    pub cpuid_answers: AtomicU32,
    /// Units of the pool of seccomp filters in use ([`crate::filter_pool`]).
    pub filter_units: AtomicU32,
    /// Files that have been added to the table of mapped files: who knows that a file is not in it asks again when
    /// this has changed.
    pub mapped_files: AtomicU32,
    /// Files that have become objects while their kept copy may have been mapped.
    pub converted_files: AtomicU32,
    /// How often an object has become shorter: private pages of its mappings are gone then, too.
    pub truncations: AtomicU32,
    /// Files that have changed since (nanoseconds since the epoch) are never taken from
    /// [`Self::file_cache`]: their time stamps may be too coarse to tell two contents apart.
    pub settled_before_ns: u64,
    /// When the recording began: nanoseconds since the epoch, and the time-stamp counter then.
    pub started_ns: u64,
    pub started_counter: u64,
    /// The program of a filter that was written last ([`crate::filter_pool::FilterProgram`]); 0: none.
    pub last_filter_program: AtomicU32,
    /// 1: snapshots are taken.
    pub takes_snapshots: u32,
    /// How often the supervisor has asked every process for a snapshot ([`crate::snapshot`]).
    pub snapshots_wanted: AtomicU32,
    /// A process takes one whenever it has logged so many events since the last one, and waits until it is written; 0: only
    /// when asked.
    pub snapshot_events: u64,
    /// Directory with copies of files that earlier recordings have made, under the names of
    /// [`crate::FileIdentity::cache_name`], NUL-terminated; empty: there is none.
    pub file_cache: [u8; FILE_CACHE_MAX],
}

impl ArenaHeader {
    /// The descriptors that are hidden from the program, the lowest and the highest.
    pub fn hidden_descriptors(&self) -> core::ops::RangeInclusive<i32> {
        self.program_fd..=self.recorder_fd
    }

    /// Whether somebody takes what the recorders write: the supervisor lives and has not stopped.
    #[inline]
    pub fn has_reader(&self) -> bool {
        self.state.load(Ordering::Relaxed) == state::RECORDING
            && self.supervisor.load(Ordering::Relaxed) & OWNER_DIED == 0
    }
}

const _: () = assert!(core::mem::size_of::<ArenaHeader>() as u64 <= CPUID_TABLE_OFFSET);
const _: () = assert!(CPUID_TABLE_OFFSET as usize + CPUID_TABLE_ENTRIES * 24 <= 4096);

/// Mode of the files that are kept in a trace: private, and not to be written to, as several traces
/// may have one and the same.
pub const KEPT_FILE_MODE: u32 = 0o400;

/// Longest path of the directory of kept files, with its NUL.
pub const FILE_CACHE_MAX: usize = 512;

/// Most mappings that belong to the vDSO (vvar, vvar_vclock, vdso).
pub const VDSO_MAPPINGS: usize = 4;

/// Values of `FileEntry::state`.
pub mod file_state {
    pub const EMPTY: u32 = 0;
    /// Some process is copying the file into the trace.
    pub const COPYING: u32 = 1;
    /// `files/<id>` is complete.
    pub const STORED: u32 = 2;
    /// It could not be copied (`error` says why): mappings log their bytes.
    pub const FAILED: u32 = 3;
    /// Its process may not write to the trace, as it has given up the rights it was started with: the
    /// supervisor is to copy what `asker` has open as `descriptor`.
    pub const ASKED: u32 = 4;
}

/// Values of `FileEntry::origin`.
pub mod file_origin {
    /// A copy that nobody else may have: the file's identity does not tell its content for certain.
    pub const PRIVATE: u32 = 0;
    /// A copy that later recordings may have.
    pub const SHAREABLE: u32 = 1;
    /// One that an earlier recording has made.
    pub const CACHE: u32 = 2;
}

/// Longest path kept in a file entry.
pub const FILE_PATH_MAX: usize = 944;

/// One file kept in the trace. Its id is its index.
#[repr(C)]
pub struct FileEntry {
    /// [`file_state`].
    pub state: AtomicU32,
    pub error: AtomicI32,
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    pub modified_ns: u64,
    pub changed_ns: u64,
    /// Index of the first non-deterministic instruction site of this file in the pool,
    /// valid when `sites_ready` is 1 (`crate::site` has the form of the words). Those of its call sites follow.
    pub sites: u32,
    pub site_count: u32,
    /// 0 not scanned, 1 scanned, 2 being scanned.
    pub sites_ready: AtomicU32,
    pub path_length: u32,
    /// [`file_origin`], written before `state` says that the file is stored.
    pub origin: AtomicU32,
    /// See [`file_state::ASKED`]: a kernel thread id, and a descriptor of its.
    pub asker: AtomicU32,
    pub descriptor: AtomicU32,
    pub call_site_count: u32,
    pub path: [u8; FILE_PATH_MAX],
}

impl FileEntry {
    /// What the file is known by.
    pub fn identity(&self) -> FileIdentity {
        FileIdentity {
            device: self.device,
            inode: self.inode,
            size: self.size,
            modified_ns: self.modified_ns,
            changed_ns: self.changed_ns,
        }
    }
}

const _: () = assert!(core::mem::size_of::<FileEntry>() == 1024);

/// Values of `Slot::state`.
pub mod slot_state {
    pub const FREE: u32 = 0;
    /// Taken by a parent for a child about to be made.
    pub const CLAIMED: u32 = 1;
    /// A process writes here.
    pub const ACTIVE: u32 = 2;
    /// The process has exited on purpose or given the slot up; the supervisor drains and frees it.
    pub const ENDED: u32 = 3;
}

/// Descriptors of which it is followed what they are.
pub const DESCRIPTORS_FOLLOWED: usize = 1024;
/// Longest path handed to a new image.
pub const EXEC_PATH_MAX: usize = 4096;

/// The byte of a slot, in the arena file, that its process locks.
pub const LIFE_BYTE: u64 = 1;

/// Control block of a slot. The recorder owns all fields but `tail` and `space`.
#[repr(C)]
pub struct Slot {
    /// [`slot_state`].
    pub state: AtomicU32,
    pub process: AtomicU32,
    pub pid: AtomicU32,
    /// Events published so far.
    pub events: AtomicU64,
    /// Bytes published so far; the ring position is the low bits.
    pub head: AtomicU64,
    /// Of a claimed slot: the process's number in the high half, and once the kernel has made it its
    /// pid as its parent sees it in the low half ([`Slot::announce_child`], [`Slot::child_created`]). Should it die
    /// before it takes the slot over, the supervisor learns of it by this.
    pub child: AtomicU64,
    /// 1: the process keeps the byte [`LIFE_BYTE`] locked as long as it lives, in whatever pid namespace.
    pub has_life_lock: AtomicU32,
    /// 1: what comes is no log but a snapshot of process `process`, behind the event [`ExecRequest::parent_event`].
    pub holds_snapshot: AtomicU32,
    /// Why the process has taken no snapshot when it was asked last ([`crate::snapshot::obstacle`]).
    pub obstacle: AtomicU32,
    /// Of a snapshot: 1 when all is written that others could change, or the process that is copied. Futex.
    pub common_written: AtomicU32,
    pub padding: [u32; 2],
    /// Bytes the supervisor has taken.
    pub tail: AtomicU64,
    /// Futex: the supervisor adds 1 and wakes after it has advanced `tail` while `waiting` is 1.
    pub space: AtomicU32,
    /// 1 while the process waits for room.
    pub waiting: AtomicU32,
    pub padding2: [u64; 6],
    /// What the next image needs to know (written before `execve`):
    pub exec: ExecRequest,
}

impl Slot {
    /// Say for whom the slot is claimed; the claimer has filled in [`ExecRequest::start`] and what
    /// follows it.
    pub fn announce_child(&self, process: u32) {
        self.child
            .store(u64::from(process) << 32, Ordering::Release);
    }

    /// Say that the kernel has made the process. Too late when it has run, ended and been
    /// forgotten meanwhile; the slot may then be another's, whose number this is not.
    pub fn child_created(&self, process: u32, pid: u32) {
        let announced = u64::from(process) << 32;
        let created = announced | u64::from(pid);
        let _ =
            self.child
                .compare_exchange(announced, created, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Number and pid of the process the slot is claimed for, once the kernel has made it.
    pub fn created_child(&self) -> Option<(u32, u32)> {
        let child = self.child.load(Ordering::Acquire);
        let pid = child as u32;
        (pid != 0).then_some(((child >> 32) as u32, pid))
    }
}

/// Hand-over from the recorder in the old image to the recorder in the new one.
#[repr(C)]
pub struct ExecRequest {
    /// Number of the call (59, 322), or 0 for the first image.
    pub number: u32,
    /// [`crate::event::start`]; for the first image and vfork children a ProcessStart is due. Of a
    /// child, this and the parent's number and event are known before it runs.
    pub start: u32,
    pub parent_process: u32,
    /// 1: a ProcessStart event must be written first.
    pub start_due: u32,
    pub parent_event: u64,
    pub args: [u64; 6],
    pub register_checksum: u64,
    pub ip: u64,
    /// The seccomp filters of the calling thread ([`crate::filter_pool`]).
    pub filters: u32,
    /// 1: the program has given up new privileges (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privileges: u32,
    pub path_length: u32,
    /// How the program to load is found: one of [`program_place`].
    pub program: u32,
    /// The program to load (an ELF file; for a script, its interpreter), NUL-terminated.
    pub path: [u8; EXEC_PATH_MAX],
    /// AT_EXECFN of the new image: the path as the caller gave it, NUL-terminated.
    pub exec_name: [u8; EXEC_PATH_MAX],
    /// How many descriptors the kernel's table would have room for, had it none of ours.
    pub descriptor_table: AtomicU32,
    /// For each of the first descriptors: [`descriptor`] bits.
    pub descriptors: [AtomicU8; DESCRIPTORS_FOLLOWED],
}

/// How a new image finds its program.
pub mod program_place {
    /// By its path.
    pub const PATH: u32 = 0;
    /// The hidden descriptor for tracking is the program: its path need not lead to it any more.
    pub const DESCRIPTOR: u32 = 1;
    /// The same, and the caller gave no path at all (`AT_EMPTY_PATH`).
    pub const NAMELESS: u32 = 2;
}

/// What the recorder remembers about a descriptor.
pub mod descriptor {
    pub const STDOUT: u8 = 1;
    pub const STDERR: u8 = 2;
    pub const CLOSE_ON_EXEC: u8 = 4;
}

const _: () = assert!(core::mem::size_of::<Slot>() <= RING_OFFSET as usize);

/// The environment string that tells a new image its slot: `REENACT_SLOT=<decimal>`, always last;
/// the recorder takes it away before the program starts.
pub const SLOT_VARIABLE: &str = "REENACT_SLOT=";
/// Room for that string with its NUL.
pub const SLOT_VARIABLE_MAX: usize = SLOT_VARIABLE.len() + EXEC_PATH_MAX;

/// Write the environment string with its NUL; its length with it. On the new image's stack it is
/// followed by the name of the executed file. The name of the program takes the place of both,
/// so leading zeros make the string at least as long.
pub fn write_slot_variable(
    index: usize,
    name_length: usize,
    into: &mut [u8; SLOT_VARIABLE_MAX],
) -> usize {
    const DIGITS: usize = 4;
    const _: () = assert!(SLOT_COUNT <= 10_000);
    let digits = name_length.clamp(DIGITS, EXEC_PATH_MAX - 1);
    let end = SLOT_VARIABLE.len() + digits;
    into[..SLOT_VARIABLE.len()].copy_from_slice(SLOT_VARIABLE.as_bytes());
    into[SLOT_VARIABLE.len()..end].fill(b'0');
    let mut rest = index;
    for digit in into[end - DIGITS..end].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    into[end] = 0;
    end + 1
}
