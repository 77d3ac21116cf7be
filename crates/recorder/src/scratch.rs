//! Scratch memory that the kernel is given in place of the program's, while others run: what it writes
//! there becomes the program's when the call has returned, and only that. What others have written
//! meanwhile beside it stays.

use core::mem::MaybeUninit;

use reenact_syscalls::{extents, Extent, Memory, Records, Sink, SystemCall};

use crate::guest::{self, GuestMemory};

/// Bytes: on the recorder's stack, so that it needs no management.
const SIZE: usize = 48 * 1024;
/// Ranges of the program's memory that it stands for.
const MOST_PIECES: usize = 16;
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

    /// Take memory that is not in use yet.
    fn room(&mut self, length: u64) -> Option<u64> {
        let size = length.checked_add(7)? & !7;
        if size > SIZE as u64 - self.used {
            return None;
        }
        let at = self.memory.as_mut_ptr() as u64 + self.used;
        self.used += size;
        Some(at)
    }

    /// The piece that an address in scratch memory lies in.
    fn find(&self, address: u64) -> Option<&Piece> {
        self.pieces[..self.count]
            .iter()
            .find(|piece| address >= piece.ours && address - piece.ours < piece.length)
    }

    /// Copy to the program what the kernel has written to a range of scratch memory.
    fn copy_back(&self, address: u64, length: u64) {
        let Some(piece) = self.find(address) else {
            return;
        };
        let offset = address - piece.ours;
        let length = length.min(piece.length - offset);
        // SAFETY: inside a piece, which was filled when it was made.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) };
        guest::write(piece.program + offset, bytes);
    }
}

/// The program's memory with scratch memory in it.
impl Memory for Scratch {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let Some(piece) = self.find(address) else {
            return guest::read(address, into);
        };
        let left = piece.length - (address - piece.ours);
        if into.len() as u64 > left {
            return false;
        }
        // SAFETY: inside a piece, which was filled when it was made.
        let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, into.len()) };
        into.copy_from_slice(bytes);
        true
    }
}

/// Copies what the kernel wrote to the program.
pub struct CopyBack<'a>(pub &'a Scratch);

impl Sink for CopyBack<'_> {
    fn output(&mut self, address: u64, length: u64) {
        self.0.copy_back(address, length);
    }

    fn fields(&mut self, records: Records) {
        for index in 0..records.count {
            let field = records.address + index * records.unit + records.at;
            self.0.copy_back(field, records.bytes);
        }
    }
}
