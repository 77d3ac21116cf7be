//! The recorder, as it is mapped into a process that runs: what `execve` would do.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use reenact_trace::attaching::ENTRY_BEFORE;

/// Offsets and values of ELF files (elf(5)).
const PT_LOAD: u32 = 1;
const HEADER_SIZE: usize = 64;
const PROGRAM_HEADER_SIZE: usize = 56;
pub const PAGE: u64 = 4096;

/// A part of it.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Where it is mapped, in whole pages.
    pub start: u64,
    /// Bytes mapped of the file, in whole pages, and from where.
    pub of_file: u64,
    pub offset: u64,
    /// Bytes of the file are up to here; zeros follow, up to the end.
    pub file_end: u64,
    pub end: u64,
    /// PROT_* bits.
    pub protection: u32,
}

/// What is mapped, and where it begins in a process that runs.
pub struct Recorder {
    pub segments: Vec<Segment>,
    pub entry: u64,
}

/// Read the headers of the recorder, which is of this machine and ours.
///
/// # Errors
/// When it cannot be read or is none.
pub fn read(file: &File) -> io::Result<Recorder> {
    let mut header = [0u8; HEADER_SIZE];
    file.read_exact_at(&mut header, 0)?;
    let word = |bytes: &[u8], at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let count = usize::from(u16::from_le_bytes([header[56], header[57]]));
    let mut table = vec![0u8; count * PROGRAM_HEADER_SIZE];
    file.read_exact_at(&mut table, word(&header, 32))?;
    let mut segments = Vec::new();
    for entry in table.chunks_exact(PROGRAM_HEADER_SIZE) {
        let kinds = word(entry, 0);
        if kinds as u32 != PT_LOAD {
            continue;
        }
        let flags = (kinds >> 32) as u32;
        let (offset, address) = (word(entry, 8), word(entry, 16));
        let (in_file, in_memory) = (word(entry, 32), word(entry, 40));
        let skew = address & (PAGE - 1);
        let rights = [
            (4, libc::PROT_READ),
            (2, libc::PROT_WRITE),
            (1, libc::PROT_EXEC),
        ];
        let rights = rights.iter().filter(|&&(flag, _)| flags & flag != 0);
        segments.push(Segment {
            start: address - skew,
            of_file: if in_file == 0 {
                0
            } else {
                (in_file + skew).next_multiple_of(PAGE)
            },
            offset: offset - skew,
            file_end: address + in_file,
            end: (address + in_memory).next_multiple_of(PAGE),
            protection: rights.map(|&(_, right)| right as u32).sum(),
        });
    }
    Ok(Recorder {
        segments,
        entry: word(&header, 24) - ENTRY_BEFORE,
    })
}
