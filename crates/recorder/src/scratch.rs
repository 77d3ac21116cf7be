//! Scratch memory that the kernel is given in place of the program's, while others run: what it writes
//! there becomes the program's when the call has returned, and only that. What others have written
//! meanwhile beside it stays.

use core::mem::MaybeUninit;

use reenact_syscalls::{extents, Extent, Memory, Records, Sink, SystemCall};

use crate::guest::{self, GuestMemory};

/// Bytes: on the recorder's stack, so that it needs no management.
const SIZE: usize = 48 * 1024;
/// Ranges of the program's memory that it stands for.
const MOST_PIECES: usize = 64;
/// `struct iovec`.
const VECTOR: u64 = 16;

/// A range of the program's memory, and where it lies in scratch memory.
#[derive(Clone, Copy)]
struct Piece {
    program: u64,
    ours: u64,
    length: u64,
}

/// The memory, and what it stands for.
pub struct Scratch {
    memory: MaybeUninit<[u64; SIZE / 8]>,
    used: u64,
    pieces: [Piece; MOST_PIECES],
    count: usize,
}

impl Scratch {
    pub const fn new() -> Scratch {
        Scratch {
            memory: MaybeUninit::uninit(),
            used: 0,
            pieces: [Piece {
                program: 0,
                ours: 0,
                length: 0,
            }; MOST_PIECES],
            count: 0,
        }
    }

    /// Arguments for the kernel, in which scratch memory stands for what the row says is written.
    /// `None`: it does not fit, or cannot be read, and the kernel has to say what is wrong.
    pub fn replace(&mut self, entry: &SystemCall, args: &[u64; 6]) -> Option<[u64; 6]> {
        let mut ours = *args;
        for extent in extents(entry, args, &GuestMemory).into_iter().flatten() {
            match extent {
                Extent::Bytes { argument, bytes } => {
                    let address = &mut ours[usize::from(argument)];
                    *address = self.piece(*address, bytes)?;
                }
                Extent::Vector { argument, count } => {
                    let address = &mut ours[usize::from(argument)];
                    *address = self.vector(*address, count)?;
                }
                Extent::Messages {
                    argument,
                    count,
                    unit,
                } => {
                    let address = &mut ours[usize::from(argument)];
                    *address = self.messages(*address, count, unit)?;
                }
            }
        }
        Some(ours)
    }

    /// Let scratch memory, with the same content, stand for a range.
    fn piece(&mut self, program: u64, length: u64) -> Option<u64> {
        if program == 0 || length == 0 {
            return Some(program);
        }
        let ours = self.room(length)?;
        let piece = self.pieces.get_mut(self.count)?;
        *piece = Piece {
            program,
            ours,
            length,
        };
        self.count += 1;
        // SAFETY: the room just taken, which nothing else refers to.
        let into = unsafe { core::slice::from_raw_parts_mut(ours as *mut u8, length as usize) };
        guest::read(program, into).then_some(ours)
    }

    /// The same for each buffer of an array, of which the kernel gets a copy.
    fn vector(&mut self, program: u64, count: u64) -> Option<u64> {
        if program == 0 || count == 0 {
            return Some(program);
        }
        let array = self.room(count.checked_mul(VECTOR)?)?;
        for index in 0..count {
            let at = program.checked_add(index * VECTOR)?;
            let (base, length) = (guest::read_u64(at)?, guest::read_u64(at.checked_add(8)?)?);
            let words = [self.piece(base, length)?, length];
            let place = (array + index * VECTOR) as *mut [u64; 2];
            // SAFETY: inside the room of the array; aligned, as all rooms are.
            unsafe { place.write(words) };
        }
        Some(array)
    }

    /// The same for what message headers name: name, buffers and control data.
    fn messages(&mut self, program: u64, count: u64, unit: u64) -> Option<u64> {
        let headers = self.piece(program, count.checked_mul(unit)?)?;
        if headers == program {
            return Some(program);
        }
        for index in 0..count {
            let header = (headers + index * unit) as *mut [u64; 7];
            // SAFETY: inside the piece of the headers (`struct msghdr` is seven words); aligned.
            let mut words = unsafe { header.read() };
            let [name, name_size, vector, buffers, control, control_size, _] = &mut words;
            *name = self.piece(*name, *name_size & 0xffff_ffff)?;
            *vector = self.vector(*vector, *buffers)?;
            *control = self.piece(*control, *control_size)?;
            // SAFETY: as above.
            unsafe { header.write(words) };
        }
        Some(headers)
    }

    /// Take memory that is not in use yet.
    fn room(&mut self, length: u64) -> Option<u64> {
        let size = length.checked_add(7)? & !7;
        if size > SIZE as u64 - self.used {
            return None;
        }
        let at = self.memory.as_mut_ptr() as u64 + self.used;
        self.used += size;
        if size > 0 {
            // SAFETY: the last word of the room; what follows its length is zero.
            unsafe { ((at + size - 8) as *mut u64).write(0) };
        }
        Some(at)
    }

    /// The piece that an address in scratch memory lies in.
    fn find(&self, address: u64) -> Option<&Piece> {
        self.pieces[..self.count]
            .iter()
            .find(|piece| address >= piece.ours && address - piece.ours < piece.length)
    }

    /// Copy to the program what the kernel has written to a range of scratch memory; whether it can be
    /// written there.
    fn copy_back(&self, address: u64, length: u64) -> bool {
        let Some(piece) = self.find(address) else {
            return true;
        };
        let offset = address - piece.ours;
        let length = length.min(piece.length - offset);
        // SAFETY: inside a piece, which was filled when it was made.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) };
        guest::write(piece.program + offset, bytes)
    }
}

/// The program's memory with scratch memory in it.
impl Memory for Scratch {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let start = self.memory.as_ptr() as u64;
        let Some(offset) = address.checked_sub(start).filter(|&at| at < self.used) else {
            return guest::read(address, into);
        };
        if into.len() as u64 > self.used - offset {
            return false;
        }
        // SAFETY: inside what is in use, which was filled when it was taken.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, into.len()) };
        into.copy_from_slice(bytes);
        true
    }
}

/// Copies what the kernel wrote to the program.
pub struct CopyBack<'a> {
    scratch: &'a Scratch,
    /// The program's memory could not be written: the kernel would have said EFAULT.
    pub has_failed: bool,
}

impl CopyBack<'_> {
    pub const fn new(scratch: &Scratch) -> CopyBack<'_> {
        CopyBack {
            scratch,
            has_failed: false,
        }
    }
}

impl Sink for CopyBack<'_> {
    fn output(&mut self, address: u64, length: u64) {
        self.has_failed |= !self.scratch.copy_back(address, length);
    }

    fn output_if_writable(&mut self, address: u64, length: u64) {
        self.scratch.copy_back(address, length);
    }

    fn fields(&mut self, records: Records) {
        for index in 0..records.count {
            let record = records.address + index * records.unit;
            for &(at, bytes) in records.fields {
                self.output(record + u64::from(at), u64::from(bytes));
            }
        }
    }
}
