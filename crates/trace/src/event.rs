//! Event records: a fixed header of 96 bytes followed by attachments.

use crate::attachment::{Attachment, Attachments};

/// The number of a system call, from rax as the program has it: the kernel looks at the lower half
/// (arch/x86/entry/entry_64.S: `movslq %eax, %rsi`).
pub fn call_number(rax: u64) -> u64 {
    u64::from(rax as u32)
}

/// That number as `code` of an event. The kernel has no calls so far up, so these share one.
pub fn call_code(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// `code` of an event in place of a number that stands for no call.
pub const NO_CALL: u16 = u16::MAX;

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum EventKind {
    /// A system call (or, with [`flags::VDSO`], a vDSO function) that has returned.
    /// `code` number, `args`, `result`; `ip` is the address after the instruction
    /// (for a vDSO function: its entry address); `Write` attachments are its outputs.
    Syscall = 1,
    /// More attachments for the next event of another kind: they did not fit one record.
    Data = 2,
    /// First event of every log. `args[0]` parent's process number (`u32::MAX` for the root),
    /// `args[1]` index of the parent's event that made it, `args[2]` pid, `args[3]` ppid;
    /// `code` is a [`start`] constant. After a fork: `Write` of the child's tid.
    ProcessStart = 3,
    /// A new program image begins (root, or a successful `execve`, whose arguments and register
    /// checksum are in `args`/`register_checksum` when `code` is 59 or 322). Attachments: `Path` (0 program as resolved,
    /// 1 working directory), `Argv`, `Envp`, `Auxv` (its address: where the heap segment, `brk`, starts), `Map`s and `Write`s of the memory at the start,
    /// `Detour`s of vDSO functions. The address space before it is discarded.
    ImageBegin = 4,
    /// The image is complete; one `Registers` attachment: where it starts to run.
    ImageReady = 5,
    /// A signal handler of the program is entered. `code` signal; `ip` interrupted address;
    /// `register_checksum` of the interrupted registers; `Registers` on entry of the handler;
    /// `Write` of the frame; `SignalInfo`. With neither [`flags::IMMEDIATE`] nor
    /// [`flags::AT_SYSCALL_ENTRY`] it came in the middle of computation (a landing): `Registers` at
    /// address 1 are the interrupted ones, and `Vectors` and `MemoryChecksum`s are of the moment before.
    /// Without a frame (`Write`) there is no handler: the signal ended the process here.
    SignalDelivered = 6,
    /// `rt_sigreturn`: `Registers` after it (vector state is in guest memory, in the frame).
    SignalReturn = 7,
    /// A synchronous fault at `ip` with signal `code`; `SignalInfo`. Followed by
    /// `SignalDelivered` or, if fatal, by nothing.
    Fault = 8,
    /// A non-deterministic instruction at `ip`; `code` is an [`instruction`] constant;
    /// `args[0..4]` are rax, rbx, rcx, rdx after it, `args[4]` rflags after it, `args[5]` the whole
    /// destination register of `rdrand`, `rdseed`, `rdpid`, or where `xbegin` goes on.
    Instruction = 9,
    /// The parent goes on after a `vfork`-like call whose child ran in the parent's memory:
    /// `result` of the call.
    VforkReturn = 10,
    /// `exit` or `exit_group` is about to be performed: `code` number, `result` status. Or a call
    /// (`kill` and its like) with which the process is about to kill itself: `result` the signal, `SignalInfo`;
    /// if it lives on, the call's own event follows.
    Exit = 11,
    /// Something a person should know (`Text`): what was refused or is not covered.
    Note = 12,
    /// The recorder stopped recording on purpose while the program goes on (`Text` why).
    RecordingEnd = 13,
    /// The thread has come to a system call that may wait (`code`, `args`, `ip` and
    /// `register_checksum` as for `Syscall`), and other threads run until its `Syscall` follows.
    Blocked = 14,
    /// The thread was interrupted in the middle of computation to let others run. Attachments as
    /// of a `SignalDelivered` in the middle of computation: `Registers` (address 1), `Vectors` and
    /// `MemoryChecksum`s. `Breakpoints` that are placed there. Or, with a number that is not 0 in `args[0]`, it has come so many
    /// times since the event before to the `pause` or branch at `ip`, which a loop waits by: that is
    /// performed, and goes on at `args[1]`.
    Preempted = 15,
    /// The process begins a turn of a sharing group: of the processes that share memory one runs at
    /// a time. `args[0]` the group, `args[1]` the number of the turn; all turns of the group with
    /// smaller numbers are over. `Write`s: content of the shared memory, when the process whose
    /// turn it was has been killed.
    Turn = 16,
    /// The thread has been stopped by its tracer (`ptrace`), or changed by it: `Registers` and `Vectors` after it,
    /// where those have changed, `Write`s of memory. `ip` and `register_checksum` are of the moment before. With
    /// [`flags::AT_SYSCALL_ENTRY`] that is at a system call instruction, otherwise right after the event before
    /// ([`flags::IMMEDIATE`]).
    Traced = 17,
    /// The whole state of the process behind an event, from which a replay can go on: see [`crate::snapshot`]. Only in
    /// the file `snapshots`.
    Snapshot = 18,
}

impl EventKind {
    pub fn from_u8(value: u8) -> Option<EventKind> {
        use EventKind::*;
        Some(match value {
            1 => Syscall,
            2 => Data,
            3 => ProcessStart,
            4 => ImageBegin,
            5 => ImageReady,
            6 => SignalDelivered,
            7 => SignalReturn,
            8 => Fault,
            9 => Instruction,
            10 => VforkReturn,
            11 => Exit,
            12 => Note,
            13 => RecordingEnd,
            14 => Blocked,
            15 => Preempted,
            16 => Turn,
            17 => Traced,
            18 => Snapshot,
            _ => return None,
        })
    }

    /// The name used in `reenact dump` and `--json` output.
    pub fn name(self) -> &'static str {
        use EventKind::*;
        match self {
            Syscall => "syscall",
            Data => "data",
            ProcessStart => "process-start",
            ImageBegin => "image-begin",
            ImageReady => "image-ready",
            SignalDelivered => "signal",
            SignalReturn => "signal-return",
            Fault => "fault",
            Instruction => "instruction",
            VforkReturn => "vfork-return",
            Exit => "exit",
            Note => "note",
            RecordingEnd => "recording-end",
            Blocked => "blocked",
            Preempted => "preempted",
            Turn => "turn",
            Traced => "traced",
            Snapshot => "snapshot",
        }
    }
}

/// Bits of `EventHeader::flags`.
pub mod flags {
    /// Takes effect before the program executes another instruction.
    pub const IMMEDIATE: u8 = 1;
    /// A vDSO function, not a system call instruction.
    pub const VDSO: u8 = 2;
    /// The program wrote to the standard output the recording started with.
    pub const STDOUT: u8 = 4;
    /// The program wrote to the standard error the recording started with.
    pub const STDERR: u8 = 8;
    /// A `vfork`-like call: following events up to `VforkReturn` are the child's.
    pub const VFORK: u8 = 16;
    /// The call site was patched (diagnostic only).
    pub const PATCHED: u8 = 32;
    /// A signal taken at a system call instruction that has not been executed yet;
    /// `ip` is the address of that instruction.
    pub const AT_SYSCALL_ENTRY: u8 = 64;
    /// A seccomp filter of the program has answered the call, which has not been performed. Of an `Exit`: it has
    /// ended the process, or ([`super::KILLED_THREAD`]) the thread.
    pub const FILTERED: u8 = 128;
    /// Of a `Syscall`: made by `int 0x80`. Number and arguments are those of the 64-bit call that it is; for one that is
    /// refused the number is [`super::NO_CALL`]. Only the result's register is changed. (No call is [`IMMEDIATE`].)
    pub const INT80: u8 = 1;
    /// Of a `Syscall`: what it makes readable can be executed, too (`READ_IMPLIES_EXEC` of `personality`).
    pub const READ_EXECUTES: u8 = 64;
}

/// In the result of a filtered `Exit`, beside the signal: the thread ends, and others of the process go on.
pub const KILLED_THREAD: i64 = 0x100;

/// Values of `code` in `ProcessStart`.
pub mod start {
    pub const ROOT: u16 = 0;
    pub const FORK: u16 = 1;
    /// The child of a vfork-like call got a log of its own at its `execve`.
    pub const VFORK_EXEC: u16 = 2;
    /// It ran already: its log begins with a snapshot.
    pub const ATTACHED: u16 = 3;
}

/// Values of `code` in `Instruction`.
pub mod instruction {
    pub const CPUID: u16 = 1;
    pub const RDTSC: u16 = 2;
    pub const RDTSCP: u16 = 3;
    pub const RDRAND: u16 = 4;
    pub const RDSEED: u16 = 5;
    pub const RDPID: u16 = 6;
    pub const XGETBV: u16 = 7;
    // What these store depends on which state components the processor regards as being in use (XINUSE,
    // Intel SDM volume 1, 13.6): for one that holds its initial values it may be either, and whether
    // the kernel has switched threads meanwhile can decide it.
    pub const XSAVE: u16 = 8;
    pub const XSAVEC: u16 = 9;
    pub const XSAVEOPT: u16 = 10;
    // Begins a transaction, which any interrupt aborts: what becomes of it is chance.
    pub const XBEGIN: u16 = 11;
    /// A place in a file, not an event of this kind: `int 0x80` makes a system call.
    pub const INT80: u16 = 12;
    /// A place in memory, not an event of this kind: a loop waits there for another thread, by `pause` or a branch.
    pub const WAIT: u16 = 13;

    /// Whether it stores state components; its event holds what it has written.
    pub fn stores_state(code: u16) -> bool {
        matches!(code, XSAVE | XSAVEC | XSAVEOPT)
    }

    /// The mnemonic; `None` for a number that is none of these.
    pub fn name(code: u16) -> Option<&'static str> {
        Some(match code {
            CPUID => "cpuid",
            RDTSC => "rdtsc",
            RDTSCP => "rdtscp",
            RDRAND => "rdrand",
            RDSEED => "rdseed",
            RDPID => "rdpid",
            XGETBV => "xgetbv",
            XSAVE => "xsave",
            XSAVEC => "xsavec",
            XSAVEOPT => "xsaveopt",
            XBEGIN => "xbegin",
            INT80 => "int 0x80",
            _ => return None,
        })
    }
}

/// The fixed part of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed)]
pub struct EventHeader {
    /// Bytes of the whole record, header and attachments; a multiple of 8.
    pub size: u32,
    pub kind: u8,
    pub flags: u8,
    pub code: u16,
    pub tid: u32,
    /// Number of attachments.
    pub attachments: u32,
    /// Time-stamp counter when the event was logged.
    pub time: u64,
    pub ip: u64,
    /// [`crate::Registers::checksum`] before the event took effect.
    pub register_checksum: u64,
    pub result: i64,
    pub args: [u64; 6],
}

impl EventHeader {
    pub const SIZE: usize = core::mem::size_of::<EventHeader>();

    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: repr(C) without padding (checked below).
        unsafe { core::slice::from_raw_parts((self as *const Self).cast::<u8>(), Self::SIZE) }
    }
}

const _: () = assert!(EventHeader::SIZE == 96);

/// Largest record; longer data is split over `Data` events.
pub const MAX_EVENT_SIZE: usize = 256 * 1024;

/// A borrowed event: header and attachment bytes.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub header: &'a EventHeader,
    pub kind: EventKind,
    body: &'a [u8],
}

/// Why bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// The bytes end inside the record (normal at the end of a cut trace).
    Truncated { needed: usize, available: usize },
    /// `size` is smaller than a header, not a multiple of 8, or larger than the maximum.
    BadSize(u32),
    /// An unknown kind of event.
    BadKind(u8),
}

/// Numbers of the system calls that end a thread or process by themselves.
const EXIT: u16 = 60;
const EXIT_GROUP: u16 = 231;

impl<'a> Event<'a> {
    /// Parse the event at the start of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Event<'a>, EventError> {
        if bytes.len() < EventHeader::SIZE {
            return Err(EventError::Truncated {
                needed: EventHeader::SIZE,
                available: bytes.len(),
            });
        }
        // SAFETY: length checked, any bit pattern is valid, and any alignment.
        let header = unsafe { &*bytes.as_ptr().cast::<EventHeader>() };
        let size = header.size as usize;
        if size < EventHeader::SIZE || !size.is_multiple_of(8) || size > MAX_EVENT_SIZE {
            return Err(EventError::BadSize(header.size));
        }
        if bytes.len() < size {
            return Err(EventError::Truncated {
                needed: size,
                available: bytes.len(),
            });
        }
        let kind = EventKind::from_u8(header.kind).ok_or(EventError::BadKind(header.kind))?;
        Ok(Event {
            header,
            kind,
            body: &bytes[EventHeader::SIZE..size],
        })
    }

    /// How the process has ended when this is its last event, as `wait4` tells it (but for the
    /// core dump); `None`: the event says nothing of an end.
    pub fn wait_status(&self) -> Option<i32> {
        let is_filtered = self.header.flags & flags::FILTERED != 0;
        let signal = match self.kind {
            EventKind::Exit if is_filtered => self.header.result as i32,
            EventKind::Exit if matches!(self.header.code, EXIT | EXIT_GROUP) => {
                return Some((self.header.result as i32 & 0xff) << 8);
            }
            EventKind::Exit => self.header.result as i32,
            EventKind::Fault => i32::from(self.header.code),
            // With a handler there would be its frame.
            EventKind::SignalDelivered if self.find(crate::Tag::Write).is_none() => {
                i32::from(self.header.code)
            }
            _ => return None,
        };
        Some(signal & 0x7f)
    }

    /// The attachments, in order; ends early at a damaged one.
    pub fn attachments(&self) -> Attachments<'a> {
        Attachments::new(self.body)
    }

    /// The first attachment with this tag.
    pub fn find(&self, tag: crate::Tag) -> Option<Attachment<'a>> {
        self.attachments().find(|attachment| attachment.tag == tag)
    }
}

/// Iterates over the events in a byte string.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Events<'a> {
    pub fn new(bytes: &'a [u8]) -> Events<'a> {
        Events { bytes, offset: 0 }
    }

    /// Offset of the next event.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, EventError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        match Event::parse(&self.bytes[self.offset..]) {
            Ok(event) => {
                self.offset += event.header.size as usize;
                Some(Ok(event))
            }
            Err(error) => {
                self.offset = self.bytes.len();
                Some(Err(error))
            }
        }
    }
}
