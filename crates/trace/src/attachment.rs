//! Attachments: typed, sized pieces of data that follow an event header.

/// What an attachment holds. `address` and `payload` as noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum Tag {
    /// Bytes the kernel (or the recorder for it) wrote to guest memory at `address`.
    Write = 1,
    /// `address` is filled with zeros; payload: length as u64.
    Zero = 2,
    /// A mapping made at `address`; payload [`MapRecord`].
    Map = 3,
    /// Payload [`crate::Registers`].
    Registers = 4,
    /// A recorded process was created; payload: process number u32, pid u32.
    Process = 5,
    /// UTF-8 message.
    Text = 6,
    /// A path, not NUL-terminated; `address` says which (see [`crate::EventKind::ImageBegin`]).
    Path = 7,
    /// NUL-separated arguments.
    Argv = 8,
    /// NUL-separated environment.
    Envp = 9,
    /// Code bytes the recorder wrote at `address`: first half of the payload the new bytes,
    /// second half the original ones.
    Patch = 10,
    /// `address` is a number that orders this event among those of all processes.
    Sequence = 11,
    /// siginfo_t as the program saw it, 128 bytes.
    SignalInfo = 12,
    /// Memory at `address` had this content after the event (of a landing: before it); payload:
    /// length u64, checksum u64, and for some pages of a landing the bytes themselves, with which
    /// a replay finds the place faster.
    MemoryChecksum = 13,
    /// The auxiliary vector, pairs of u64.
    Auxv = 14,
    /// A vDSO function at `address` is answered by the recorder; payload: system call number u64.
    Detour = 15,
    /// A component of the x87 and vector registers at a landing; `address` is its number, payload:
    /// see [`crate::vectors`].
    Vectors = 16,
    /// From the event on the thread stays on one processor, although it may run unknown code that
    /// asks which; payload: what CPUID answers there in the leaves that name the processor, each six
    /// u32 (leaf, subleaf, eax, ebx, ecx, edx). Empty: from this event on it may move again.
    Processor = 17,
    /// The recorder has put an `int3` at these addresses of code, a u64 each.
    Breakpoints = 18,
    /// Nothing is mapped at `address` any more; payload: length as u64.
    Unmap = 19,
    /// The call failed, but not before it had dealt with a part of its range, at `address`; payload:
    /// length as u64.
    Done = 20,
    /// `address` is the checksum of the bytes that the call gave to a file, a pipe or a socket.
    Output = 21,
    /// The file behind a shared object has these bytes from offset `address` on; payload: number of the object
    /// u64, then the bytes.
    ObjectWrite = 22,
    /// The file behind a shared object has zeros from offset `address` on; payload: number of the object u64,
    /// length u64.
    ObjectZero = 23,
    /// The private pages at `address` are gone: they show their file again; payload: length as u64.
    Discard = 24,
    /// At these addresses of code, a u64 each, are bytes that look like non-deterministic instructions, to which no
    /// way is known: the recorder has left them as they are.
    Suspects = 25,
    /// Of a snapshot: the thread `address`; flags: [`crate::snapshot::role`]; payload: [`crate::Registers`], then its name, 16
    /// bytes. Its `Vectors` follow.
    Thread = 26,
    /// Of a snapshot: the descriptor `address` is of a file that names a thread; payload: its tid as u64.
    ThreadFile = 27,
    /// Of a snapshot: code at `address` is not executed as it is, since the program could write to it; payload: length
    /// as u64.
    Translated = 28,
}

impl Tag {
    pub fn from_u16(value: u16) -> Option<Tag> {
        use Tag::*;
        Some(match value {
            1 => Write,
            2 => Zero,
            3 => Map,
            4 => Registers,
            5 => Process,
            6 => Text,
            7 => Path,
            8 => Argv,
            9 => Envp,
            10 => Patch,
            11 => Sequence,
            12 => SignalInfo,
            13 => MemoryChecksum,
            14 => Auxv,
            15 => Detour,
            16 => Vectors,
            17 => Processor,
            18 => Breakpoints,
            19 => Unmap,
            20 => Done,
            21 => Output,
            22 => ObjectWrite,
            23 => ObjectZero,
            24 => Discard,
            25 => Suspects,
            26 => Thread,
            27 => ThreadFile,
            28 => Translated,
            _ => return None,
        })
    }
}

/// Header of an attachment; `length` bytes of payload follow, padded to 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct AttachmentHeader {
    pub tag: u16,
    pub flags: u16,
    pub length: u32,
    pub address: u64,
}

impl AttachmentHeader {
    pub const SIZE: usize = core::mem::size_of::<AttachmentHeader>();

    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: repr(C), no padding.
        unsafe { core::slice::from_raw_parts((self as *const Self).cast::<u8>(), Self::SIZE) }
    }

    /// Bytes of the attachment in the record, with padding.
    pub const fn total_size(length: usize) -> usize {
        Self::SIZE + ((length + 7) & !7)
    }
}

/// A mapping as the program sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MapRecord {
    pub length: u64,
    /// PROT_* bits.
    pub protection: u32,
    /// MAP_* bits as the program gave them.
    pub flags: u32,
    /// [`crate::FileId`] of the content, or `FileId::NONE`: anonymous, or `Write`s follow.
    pub file: u32,
    /// Number of the shared object (a file that can change while it is mapped, by whatever processes), or
    /// 0: none. All mappings of an object show the same memory; private ones until their pages are written.
    pub object: u32,
    /// Offset in the file, bytes.
    pub offset: u64,
    /// Size of the file when it was mapped, bytes; beyond its last page the mapping gives SIGBUS.
    pub file_size: u64,
}

impl MapRecord {
    pub const SIZE: usize = core::mem::size_of::<MapRecord>();

    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: repr(C), no padding.
        unsafe { core::slice::from_raw_parts((self as *const Self).cast::<u8>(), Self::SIZE) }
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<MapRecord> {
        if bytes.len() < Self::SIZE {
            return None;
        }
        // SAFETY: length checked, any bit pattern valid, unaligned read.
        Some(unsafe { bytes.as_ptr().cast::<MapRecord>().read_unaligned() })
    }
}

/// A borrowed attachment.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    pub tag: Tag,
    pub flags: u16,
    pub address: u64,
    pub payload: &'a [u8],
}

impl<'a> Attachment<'a> {
    /// The payload's first u64, if it has one.
    pub fn value(&self) -> Option<u64> {
        self.word(0)
    }

    /// A u64 of the payload, by its number.
    fn word(&self, index: usize) -> Option<u64> {
        let bytes = self.payload.get(8 * index..)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// Object and bytes of a [`Tag::ObjectWrite`].
    pub fn object_bytes(&self) -> Option<(u32, &'a [u8])> {
        let object = u32::try_from(self.value()?).ok()?;
        Some((object, self.payload.get(8..)?))
    }

    /// Object and length of a [`Tag::ObjectZero`].
    pub fn object_zeros(&self) -> Option<(u32, u64)> {
        let object = u32::try_from(self.value()?).ok()?;
        Some((object, self.word(1)?))
    }
}

/// Iterates over the attachments of an event; stops at the first damaged one.
#[derive(Clone, Debug)]
pub struct Attachments<'a> {
    bytes: &'a [u8],
}

impl<'a> Attachments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Attachments<'a> {
        Attachments { bytes }
    }
}

impl<'a> Iterator for Attachments<'a> {
    type Item = Attachment<'a>;

    fn next(&mut self) -> Option<Attachment<'a>> {
        if self.bytes.len() < AttachmentHeader::SIZE {
            return None;
        }
        // SAFETY: length checked, any bit pattern valid, unaligned read.
        let header = unsafe {
            self.bytes
                .as_ptr()
                .cast::<AttachmentHeader>()
                .read_unaligned()
        };
        let total = AttachmentHeader::total_size(header.length as usize);
        let tag = Tag::from_u16(header.tag);
        if self.bytes.len() < total || tag.is_none() {
            self.bytes = &[];
            return None;
        }
        let payload =
            &self.bytes[AttachmentHeader::SIZE..AttachmentHeader::SIZE + header.length as usize];
        self.bytes = &self.bytes[total..];
        Some(Attachment {
            tag: tag?,
            flags: header.flags,
            address: header.address,
            payload,
        })
    }
}
