//! Writes machine code into the cache.

use crate::context::Context;

/// A cursor in one half of the cache. Space is checked once per block, not per byte.
#[derive(Clone, Copy)]
pub(crate) struct Emitter {
    pub at: *mut u8,
    context: u64,
}

impl Emitter {
    pub fn new(at: *mut u8, context: *mut Context) -> Emitter {
        Emitter {
            at,
            context: context as u64,
        }
    }

    pub fn address(&self) -> u64 {
        self.at as u64
    }

    #[inline]
    pub fn u8(&mut self, value: u8) {
        // SAFETY: room was reserved before the block was begun (as everywhere in this file).
        unsafe {
            self.at.write(value);
            self.at = self.at.add(1);
        }
    }

    #[inline]
    pub fn u32(&mut self, value: u32) {
        // SAFETY: as above.
        unsafe {
            self.at.cast::<u32>().write_unaligned(value);
            self.at = self.at.add(4);
        }
    }

    #[inline]
    pub fn u64(&mut self, value: u64) {
        // SAFETY: as above.
        unsafe {
            self.at.cast::<u64>().write_unaligned(value);
            self.at = self.at.add(8);
        }
    }

    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.u8(byte);
        }
    }

    /// Copy 16 bytes, of which `length` count.
    ///
    /// # Safety
    /// 16 bytes can be read at `from`.
    #[inline]
    pub unsafe fn copy16(&mut self, from: *const u8, length: usize) {
        // SAFETY: as above, and by contract.
        unsafe {
            let value = from.cast::<u128>().read_unaligned();
            self.at.cast::<u128>().write_unaligned(value);
            self.at = self.at.add(length);
        }
    }

    /// A 32-bit displacement to `target` from the end of the instruction, `after` bytes behind
    /// the displacement.
    #[inline]
    pub fn relative(&mut self, target: u64, after: u64) {
        let end = self.address() + 4 + after;
        self.u32(target.wrapping_sub(end) as u32);
    }

    #[inline]
    fn field(&mut self, offset: u32, after: u64) {
        self.relative(self.context + u64::from(offset), after);
    }

    /// `mov [context + offset], register`.
    #[inline]
    pub fn store(&mut self, offset: u32, register: u8) {
        self.bytes(&[
            0x48 | (register >> 3) << 2,
            0x89,
            0x05 | (register & 7) << 3,
        ]);
        self.field(offset, 0);
    }

    /// `mov register, [context + offset]`.
    #[inline]
    pub fn load(&mut self, offset: u32, register: u8) {
        self.bytes(&[
            0x48 | (register >> 3) << 2,
            0x8b,
            0x05 | (register & 7) << 3,
        ]);
        self.field(offset, 0);
    }

    /// `movups [context + offset], xmm register`.
    pub fn store_vector(&mut self, offset: u32, register: u8) {
        // Without a prefix that changes nothing: REX.R names the upper eight.
        self.bytes(&[
            0x40 | (register >> 3) << 2,
            0x0f,
            0x11,
            0x05 | (register & 7) << 3,
        ]);
        self.field(offset, 0);
    }

    /// `xsave64 [context + offset]`.
    pub fn save_components(&mut self, offset: u32) {
        self.bytes(&[0x48, 0x0f, 0xae, 0x25]);
        self.field(offset, 0);
    }

    /// `movzx register, byte [context + offset]`.
    pub fn load_byte(&mut self, offset: u32, register: u8) {
        if register >= 8 {
            self.u8(0x44);
        }
        self.bytes(&[0x0f, 0xb6, 0x05 | (register & 7) << 3]);
        self.field(offset, 0);
    }

    /// Add to a budget, by way of r10, what is to be written to the address returned (32 bits).
    pub fn charge_through_r10(&mut self, budget: u32) -> u64 {
        self.load(budget, 10);
        // lea r10, [r10 + 0]
        self.bytes(&[0x4d, 0x8d, 0x92]);
        self.u32(0);
        let at = self.address() - 4;
        self.store(budget, 10);
        at
    }

    /// `movzx ecx, word [context + offset]`, byte by byte: the guest may have accesses checked for alignment.
    pub fn load_word_to_ecx(&mut self, offset: u32) {
        const CH: u8 = 5;
        self.load_byte(offset, 1);
        self.bytes(&[0x8a, 0x05 | CH << 3]);
        self.field(offset + 1, 0);
    }

    /// `mov dword [context + offset], value`.
    pub fn store_constant(&mut self, offset: u32, value: u32) {
        self.bytes(&[0xc7, 0x05]);
        self.field(offset, 4);
        self.u32(value);
    }

    /// `sub qword [context + offset], value`.
    pub fn subtract(&mut self, offset: u32, value: i16) {
        match i8::try_from(value) {
            Ok(short) => {
                self.bytes(&[0x48, 0x83, 0x2d]);
                self.field(offset, 1);
                self.u8(short as u8);
            }
            Err(_) => {
                self.bytes(&[0x48, 0x81, 0x2d]);
                self.field(offset, 4);
                self.u32(i32::from(value) as u32);
            }
        }
    }

    /// `sub qword [context + offset], value` without touching the flags, by way of rcx.
    pub fn subtract_through_rcx(&mut self, offset: u32, value: i16) {
        self.load(offset, 1);
        // lea rcx, [rcx - value]
        self.bytes(&[0x48, 0x8d, 0x89]);
        self.u32(-i32::from(value) as u32);
        self.store(offset, 1);
    }

    /// `jmp [context + offset]`.
    pub fn jump_through(&mut self, offset: u32) {
        self.bytes(&[0xff, 0x25]);
        self.field(offset, 0);
    }

    /// `mov register, value`, in the shortest form that leaves the flags alone.
    #[inline]
    pub fn constant(&mut self, register: u8, value: u64) {
        if value <= u64::from(u32::MAX) {
            if register >= 8 {
                self.u8(0x41);
            }
            self.u8(0xb8 | register & 7);
            self.u32(value as u32);
        } else {
            self.bytes(&[0x48 | register >> 3, 0xb8 | register & 7]);
            self.u64(value);
        }
    }

    #[inline]
    pub fn jump(&mut self, target: u64) {
        self.u8(0xe9);
        self.relative(target, 0);
    }
}
