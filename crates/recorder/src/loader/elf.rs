//! ELF files: what the loader needs from their headers (System V ABI, x86-64 supplement).

/// What an executable file is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit x86-64 program.
    Supported,
    /// An ELF file the kernel may be able to run, but we cannot record.
    Unsupported,
    NotElf,
}

/// Judge a file by its first bytes.
pub fn classify(head: &[u8]) -> Kind {
    if !head.starts_with(b"\x7fELF") {
        return Kind::NotElf;
    }
    let field = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    if head.len() >= 64
        && head[4] == 2
        && head[5] == 1
        && matches!(field(16), ET_EXEC | ET_DYN)
        && field(18) == 62
    {
        Kind::Supported
    } else {
        Kind::Unsupported
    }
}

pub const ET_EXEC: u16 = 2;
pub const ET_DYN: u16 = 3;
pub const PT_LOAD: u32 = 1;
pub const PT_INTERP: u32 = 3;
pub const PT_PHDR: u32 = 6;
pub const PT_GNU_STACK: u32 = 0x6474_e551;

/// The fields of the file header that matter here.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileHeader {
    pub kind: u16,
    pub entry: u64,
    pub program_headers_at: u64,
    pub program_header_size: u16,
    pub program_headers: u16,
}

impl FileHeader {
    pub fn parse(bytes: &[u8]) -> Option<FileHeader> {
        if classify(bytes) != Kind::Supported {
            return None;
        }
        Some(FileHeader {
            kind: u16_at(bytes, 16)?,
            entry: u64_at(bytes, 24)?,
            program_headers_at: u64_at(bytes, 32)?,
            program_header_size: u16_at(bytes, 54)?,
            program_headers: u16_at(bytes, 56)?,
        })
    }
}

/// A program header.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramHeader {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub align: u64,
}

impl ProgramHeader {
    pub const SIZE: usize = 56;

    pub fn parse(bytes: &[u8]) -> Option<ProgramHeader> {
        Some(ProgramHeader {
            kind: u32_at(bytes, 0)?,
            flags: u32_at(bytes, 4)?,
            offset: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            file_size: u64_at(bytes, 32)?,
            memory_size: u64_at(bytes, 40)?,
            align: u64_at(bytes, 48)?,
        })
    }

    /// PROT_* bits of the segment.
    pub fn protection(&self) -> u64 {
        let f = u64::from(self.flags);
        (f >> 2 & 1) | (f & 2) | (f & 1) << 2
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
