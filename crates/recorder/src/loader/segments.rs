//! Maps the segments of an ELF file as the kernel's loader does (fs/binfmt_elf.c).

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4, syscall6};
use reenact_trace::Tag;

use super::elf::{FileHeader, ProgramHeader, ET_EXEC, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_PHDR};
use crate::guest::{page_down, page_up};
use crate::log::Builder;
use crate::mappings;

const MAX_HEADERS: usize = 64;

/// An opened ELF file with its headers.
pub struct Image {
    fd: i32,
    header: FileHeader,
    headers: [ProgramHeader; MAX_HEADERS],
    count: usize,
}

/// Where an image was mapped.
#[derive(Clone, Copy, Default)]
pub struct Mapped {
    /// First address.
    pub start: u64,
    /// Address of the program headers.
    pub headers_at: u64,
    pub header_size: u64,
    pub header_count: u64,
    pub entry: u64,
    /// End of the last segment in memory.
    pub end: u64,
    /// Bytes that the last segment has in the file: what the kernel takes for the program's data.
    pub data: u64,
    /// What the kernel takes for code and data: their first addresses and ends (fs/binfmt_elf.c: load_elf_binary).
    pub code: [u64; 2],
    pub data_range: [u64; 2],
}

impl Image {
    /// Open `path` (NUL-terminated). -errno on failure.
    pub fn open(path: &[u8]) -> Result<Image, i64> {
        // SAFETY: a NUL-terminated path of ours.
        let fd = unsafe {
            syscall4(
                OPENAT,
                AT_FDCWD as u64,
                path.as_ptr() as u64,
                O_RDONLY | O_CLOEXEC,
                0,
            )
        };
        if fd < 0 {
            return Err(fd);
        }
        Image::of(fd as i32)
    }

    /// The file behind a descriptor, which is closed with the image or on failure.
    pub fn of(fd: i32) -> Result<Image, i64> {
        Image::read(fd).inspect_err(|_| {
            // SAFETY: our descriptor.
            unsafe { syscall2(CLOSE, fd as u64, 0) };
        })
    }

    /// The headers of the file behind `fd`.
    pub fn read(fd: i32) -> Result<Image, i64> {
        let mut head = [0u8; 64];
        read_at(fd, &mut head, 0)?;
        let header = FileHeader::parse(&head).ok_or(-ENOEXEC)?;
        let count = usize::from(header.program_headers);
        if usize::from(header.program_header_size) != ProgramHeader::SIZE || count > MAX_HEADERS {
            return Err(-ENOEXEC);
        }
        let mut table = [0u8; MAX_HEADERS * ProgramHeader::SIZE];
        read_at(
            fd,
            &mut table[..count * ProgramHeader::SIZE],
            header.program_headers_at,
        )?;
        let mut headers = [ProgramHeader::default(); MAX_HEADERS];
        for (index, header) in headers[..count].iter_mut().enumerate() {
            let at = index * ProgramHeader::SIZE;
            *header = ProgramHeader::parse(&table[at..]).ok_or(-ENOEXEC)?;
        }
        Ok(Image {
            fd,
            header,
            headers,
            count,
        })
    }

    pub fn descriptor(&self) -> i32 {
        self.fd
    }

    fn headers(&self) -> &[ProgramHeader] {
        &self.headers[..self.count]
    }

    fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.headers()
            .iter()
            .filter(|header| header.kind == PT_LOAD && header.memory_size > 0)
    }

    pub fn is_fixed(&self) -> bool {
        self.header.kind == ET_EXEC
    }

    /// Whether the program asks for an executable stack.
    pub fn wants_executable_stack(&self) -> bool {
        self.headers()
            .iter()
            .any(|header| header.kind == PT_GNU_STACK && header.flags & 1 != 0)
    }

    /// The interpreter's path, NUL-terminated; `None` for a static program.
    pub fn interpreter(&self, path: &mut [u8; 4096]) -> Result<Option<usize>, i64> {
        let Some(header) = self
            .headers()
            .iter()
            .find(|header| header.kind == PT_INTERP)
        else {
            return Ok(None);
        };
        let length = header.file_size as usize;
        if !(2..=4095).contains(&length) {
            return Err(-ENOEXEC);
        }
        read_at(self.fd, &mut path[..length], header.offset)?;
        if path[length - 1] != 0 {
            return Err(-ENOEXEC);
        }
        Ok(Some(length))
    }

    /// First address and size of all segments together.
    fn extent(&self) -> Result<(u64, u64), i64> {
        let start = self
            .loads()
            .map(|load| page_down(load.address))
            .min()
            .ok_or(-ENOEXEC)?;
        let end = self
            .loads()
            .map(|load| load.address.saturating_add(load.memory_size))
            .max()
            .ok_or(-ENOEXEC)?;
        if end > 0x7fff_ffff_f000 {
            return Err(-ENOEXEC);
        }
        Ok((start, page_up(end) - start))
    }

    /// Whether a program of fixed addresses has some in a range.
    pub fn overlaps(&self, start: u64, end: u64) -> bool {
        self.is_fixed()
            && self.loads().any(|load| {
                load.address < end && load.address.saturating_add(load.memory_size) > start
            })
    }

    /// Whether a program of fixed addresses begins at this one.
    pub fn begins_at(&self, address: u64) -> bool {
        self.is_fixed() && self.loads().map(|load| load.address).min() == Some(address)
    }

    /// Largest alignment a segment asks for.
    fn alignment(&self) -> u64 {
        self.loads()
            .map(|load| load.align)
            .filter(|align| align.is_power_of_two())
            .max()
            .unwrap_or(PAGE)
            .max(PAGE)
    }

    /// Map all segments; a position-independent image at `hint` or where the kernel finds room.
    pub fn map(&self, hint: u64, event: &mut Builder) -> Result<Mapped, i64> {
        const PF_X: u32 = 1;
        let (start, size) = self.extent()?;
        let base = if self.is_fixed() {
            start
        } else {
            self.reserve(hint, size)?
        };
        let bias = base.wrapping_sub(start);
        let mut mapped = Mapped {
            start: base,
            entry: self.header.entry.wrapping_add(bias),
            header_size: u64::from(self.header.program_header_size),
            header_count: self.count as u64,
            end: base + size,
            code: [u64::MAX, 0],
            ..Mapped::default()
        };
        for load in self.loads() {
            mapped.data = load.file_size;
            let from = load.address.wrapping_add(bias);
            let to = from.wrapping_add(load.file_size);
            if load.flags & PF_X != 0 {
                mapped.code = [mapped.code[0].min(from), mapped.code[1].max(to)];
            }
            mapped.data_range = [mapped.data_range[0].max(from), mapped.data_range[1].max(to)];
            self.map_segment(load, bias, event)?;
            let headers_at = self.header.program_headers_at;
            if headers_at >= load.offset && headers_at < load.offset + load.file_size {
                mapped.headers_at = bias.wrapping_add(load.address + (headers_at - load.offset));
            }
        }
        if let Some(header) = self.headers().iter().find(|header| header.kind == PT_PHDR) {
            mapped.headers_at = bias.wrapping_add(header.address);
        }
        mapped.end = self
            .loads()
            .map(|load| bias.wrapping_add(load.address + load.memory_size))
            .max()
            .unwrap_or(mapped.end);
        Ok(mapped)
    }

    /// Find room for a position-independent image and leave it unmapped again.
    fn reserve(&self, hint: u64, size: u64) -> Result<u64, i64> {
        let alignment = self.alignment();
        let slack = alignment - PAGE;
        let hint = hint & !(alignment - 1);
        // SAFETY: a fresh mapping, removed at once.
        unsafe {
            let result = syscall6(
                MMAP,
                hint,
                size + slack,
                0,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                u64::MAX,
                0,
            );
            if result < 0 {
                return Err(result);
            }
            syscall2(MUNMAP, result as u64, size + slack);
            Ok((result as u64 + alignment - 1) & !(alignment - 1))
        }
    }

    fn map_segment(&self, load: &ProgramHeader, bias: u64, event: &mut Builder) -> Result<(), i64> {
        let start = page_down(load.address).wrapping_add(bias);
        let skew = load.address & (PAGE - 1);
        let file_end = load.address.wrapping_add(bias) + load.file_size;
        let memory_end = load.address.wrapping_add(bias) + load.memory_size;
        let protection = load.protection();
        let mut mapped_end = start;
        if load.file_size > 0 {
            let length = page_up(load.file_size + skew);
            let offset = load.offset - skew;
            self.map_file(start, length, protection, offset)?;
            mapped_end = start + length;
            if load.memory_size > load.file_size && protection & PROT_WRITE != 0 {
                // The rest of the last page belongs to zero-initialised data.
                // SAFETY: inside the private mapping just made.
                unsafe {
                    core::ptr::write_bytes(
                        file_end as *mut u8,
                        0,
                        (mapped_end - file_end) as usize,
                    );
                }
            }
            mappings::record_mapping(
                event,
                start,
                length,
                protection,
                MAP_PRIVATE | MAP_FIXED,
                &mappings::File::loaded(self.fd, offset),
            );
            if load.memory_size > load.file_size && protection & PROT_WRITE != 0 {
                event.bytes(Tag::Zero, file_end, &(mapped_end - file_end).to_le_bytes());
            }
        }
        if page_up(memory_end) > mapped_end {
            let length = page_up(memory_end) - mapped_end;
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
            // SAFETY: inside the image's own extent.
            let result =
                unsafe { syscall6(MMAP, mapped_end, length, protection, flags, u64::MAX, 0) };
            if result < 0 {
                return Err(result);
            }
            let none = &mappings::File::NONE;
            mappings::record_mapping(event, mapped_end, length, protection, flags, none);
        }
        Ok(())
    }

    fn map_file(&self, start: u64, length: u64, protection: u64, offset: u64) -> Result<(), i64> {
        // SAFETY: inside the image's own extent, which was found free.
        let result = unsafe {
            syscall6(
                MMAP,
                start,
                length,
                protection,
                MAP_PRIVATE | MAP_FIXED,
                self.fd as u64,
                offset,
            )
        };
        if result as u64 == start {
            Ok(())
        } else {
            Err(result)
        }
    }

    pub fn close(self) {
        // SAFETY: our descriptor.
        unsafe { syscall2(CLOSE, self.fd as u64, 0) };
    }

    /// The absolute path of the opened file.
    pub fn path(&self, into: &mut [u8; 4096]) -> usize {
        let link = crate::text!("/proc/self/fd/{}\0", self.fd);
        // SAFETY: a NUL-terminated name and a buffer of ours.
        let length = unsafe {
            syscall3(
                READLINK,
                link.as_str().as_ptr() as u64,
                into.as_mut_ptr() as u64,
                4095,
            )
        };
        length.max(0) as usize
    }
}

fn read_at(fd: i32, into: &mut [u8], offset: u64) -> Result<(), i64> {
    // SAFETY: a buffer of ours.
    let count = unsafe {
        syscall4(
            PREAD64,
            fd as u64,
            into.as_mut_ptr() as u64,
            into.len() as u64,
            offset,
        )
    };
    match count {
        count if count == into.len() as i64 => Ok(()),
        count if count < 0 => Err(count),
        _ => Err(-ENOEXEC),
    }
}
